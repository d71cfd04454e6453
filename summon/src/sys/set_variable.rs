//! Sets a variable in the environment of this process.

use std::ffi::OsStr;

/// Sets an environment variable. Call this at most once for each name. The name must be valid, and the value
/// must have no NUL.
pub(crate) fn set_variable(name: &OsStr, value: &OsStr) {
    // SAFETY: `set_var` panics if a text breaks these rules. Other threads may read the environment
    // meanwhile. Rust code reads it under the lock that `set_var` takes. C code, such as `getaddrinfo` or
    // libpq, calls `getenv`, which takes no lock in glibc and musl. It finds the variable or does not find
    // it: nothing orders this read and the write. The read is safe if the write frees no memory that
    // `getenv` reads:
    //
    // - glibc never frees the text of a variable. For a new name it makes a longer array of pointers. Since
    //   2.41 it keeps the old array. Before, it freed an array that an earlier new name had made, but not
    //   the array that the kernel had made.
    // - musl treats the arrays as glibc did before 2.41. It frees the text of a variable that an earlier
    //   `setenv` has made. Since each name is set once here, only the program's own `set_var` makes such
    //   texts.
    // - macOS reads and writes under one lock. Windows copies the values.
    //
    // So the first new name of a process is safe everywhere. A later new name is a race if glibc is older
    // than 2.41, or with musl, and if another thread is inside of `getenv` at that moment. The
    // documentation of `export` says so.
    unsafe { std::env::set_var(name, value) }
}
