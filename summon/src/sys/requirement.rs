//! What this process or its system may lack.

/// Something that this process or its system lacks, without which nothing can be started.
pub(crate) struct Unmet {
    pub(crate) what: &'static str,
    pub(crate) lacks: &'static str,
    pub(crate) hint: &'static str,
}

/// The environment names directories and files, and an unprivileged caller wrote the environment.
pub(super) const PRIVILEGED: Unmet = Unmet {
    what: "summon starts nothing in a program whose file has privileges",
    lacks: "trust in the environment: the program is set-user-id or set-group-id, has file capabilities, \
            or a security module changed its privileges (`AT_SECURE`)",
    hint: "run a program without these as the user that it needs, or pass capabilities on as ambient ones \
           (`setpriv --ambient-caps`)",
};

/// A helper process is executed, and would keep only one of the two.
pub(super) const TWO_USERS: Unmet = Unmet {
    what: "summon starts nothing for a process whose effective user or group is not its real one",
    lacks: "one user: the helper processes can't tell which of the two may give them orders",
    hint: "change both with `setresuid` and `setresgid`, or start before `seteuid`",
};
