//! A library that some other program loads, such as Python: it starts a service, and says which.

use std::ffi::{CStr, CString, c_char};

/// Starts a program. Returns its directory and its pid, or an error's text.
///
/// # Safety
///
/// `program` is a path, as C has strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn start(program: *const c_char) -> *mut c_char {
    // SAFETY: the caller says so.
    let program = unsafe { CStr::from_ptr(program) };
    let program = program.to_str().unwrap();
    let server =
        summon::OutputCoordinatedExecutor::new([program, "daemon", "wait", "say", "up"], "^up$");
    let said = match server.start() {
        Ok(()) => format!("ready {} {}", server.dir().display(), server.id().unwrap()),
        Err(error) => error.to_string(),
    };
    std::mem::forget(server);
    CString::new(said).unwrap().into_raw()
}
