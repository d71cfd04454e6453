//! Runs a program below a seccomp filter (`seccomp(2)`), which the program and its descendants keep.
//!
//! Usage: `refuse_syscalls CALLS ERROR PROGRAM ARGS..`. `CALLS` are names from the list below, separated by
//! commas. The kernel answers these calls with `ERROR`. `ENOSYS` imitates an old kernel, `EPERM` a
//! container engine with an old profile, and `ENOLCK` a file system without locks.
#![expect(unsafe_code, reason = "only prctl installs a filter")]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// A system call to refuse, with the positions and values of the arguments that identify it.
struct Refused {
    name: &'static str,
    number: libc::c_long,
    arguments: &'static [(u32, u32)],
}

const ALL: [Refused; 5] = [
    Refused {
        name: "subreaper",
        number: libc::SYS_prctl,
        arguments: &[(0, libc::PR_SET_CHILD_SUBREAPER as u32)],
    },
    Refused {
        name: "pidfd_open",
        number: libc::SYS_pidfd_open,
        arguments: &[],
    },
    Refused {
        name: "pidfd_send_signal",
        number: libc::SYS_pidfd_send_signal,
        arguments: &[],
    },
    // Imitates a network file system without a lock daemon.
    Refused {
        name: "flock",
        number: libc::SYS_flock,
        arguments: &[],
    },
    // A netlink socket that queries other sockets (`sock_diag(7)`).
    Refused {
        name: "sock_diag",
        number: libc::SYS_socket,
        arguments: &[
            (0, libc::AF_NETLINK as u32),
            (2, libc::NETLINK_SOCK_DIAG as u32),
        ],
    },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [calls, error, program, args @ ..] = &words[..] else {
        panic!("usage: refuse_syscalls CALLS ERROR PROGRAM ARGS..");
    };
    let error = match error.as_str() {
        "ENOSYS" => libc::ENOSYS,
        "EPERM" => libc::EPERM,
        "ENOLCK" => libc::ENOLCK,
        other => panic!("no such error: {other}"),
    };
    let mut filter = Vec::new();
    for call in calls.split(',') {
        let known = ALL.iter().find(|refused| refused.name == call);
        filter.extend(known.expect("a call of the list").refusal(error));
    }
    filter.push(returned(libc::SECCOMP_RET_ALLOW));
    install(&mut filter);
    let why = Command::new(program).args(args).exec();
    panic!("{program} can't be run: {why}");
}

impl Refused {
    /// Returns instructions that return the error if the call and its arguments match, and continue
    /// behind themselves otherwise.
    fn refusal(&self, error: i32) -> Vec<libc::sock_filter> {
        // The offsets of the call's number and arguments in `struct seccomp_data`. An argument has
        // 64 bits, and the lower half comes first.
        let arguments = self.arguments.iter();
        let arguments = arguments.map(|(position, value)| (16 + 8 * position, *value));
        let compared: Vec<_> = [(0, self.number as u32)]
            .into_iter()
            .chain(arguments)
            .collect();
        let mut filter = Vec::new();
        for (index, (at, value)) in compared.iter().enumerate() {
            let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
            filter.push(instruction(load, 0, *at));
            let jump = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
            // Two instructions for each following comparison, and the return.
            let behind = 2 * (compared.len() - index - 1) + 1;
            filter.push(instruction(jump, behind as u8, *value));
        }
        filter.push(returned(libc::SECCOMP_RET_ERRNO | error as u32));
        filter
    }
}

fn returned(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, value)
}

/// Returns an instruction. `otherwise` is the number of instructions that a failed comparison
/// skips.
fn instruction(code: u32, otherwise: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: otherwise,
        k,
    }
}

fn install(filter: &mut [libc::sock_filter]) {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // A user other than root may install a filter only if later programs gain no privileges
    // (`seccomp(2)`).
    // SAFETY: `prctl` takes numbers.
    let without = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: the filter is valid during the call, and has the given length.
    let installed = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    assert_eq!((without, installed), (0, 0), "no filter can be installed");
}
