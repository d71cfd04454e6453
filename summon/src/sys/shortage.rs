//! Errors that pass.

/// Whether an error means that the process or the machine has run out of something, which may be
/// available again later.
pub(crate) fn is_shortage(error: &std::io::Error) -> bool {
    // The process's descriptors, the machine's open files, memory, socket buffers, and the user's
    // processes (`errno(3)`). These say nothing about the file or the process in question, so the
    // caller tries again.
    let shortages = [
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::ENOBUFS,
        libc::EAGAIN,
    ];
    let number = error.raw_os_error();
    number.is_some_and(|number| shortages.contains(&number))
}
