//! A library that another program loads, such as Python. It starts a service, and returns its pid.

use std::ffi::{CStr, CString, c_char};

/// Starts a program. Returns its directory and its pid, or the text of an error.
///
/// # Safety
///
/// `program` must be a valid C string with a path.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn start(program: *const c_char) -> *mut c_char {
    // SAFETY: the caller passes a valid C string.
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
