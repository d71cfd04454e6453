//! Finds descendants in a table of all processes. It makes no system call, so its tests run on every system.

/// A process in the table of all processes.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) pid: u32,
    /// A number that no other process ever gets.
    pub(super) id: u64,
    /// The identity of the forker, even if that process has ended.
    pub(super) forked_by: u64,
    /// The pid of the process that began its session, or 0 if unknown.
    pub(super) session: u32,
    pub(super) has_ended: bool,
}

/// A process that leads to others, alive or not.
#[derive(Clone, Copy)]
pub(super) struct Root {
    /// Finds the members of its session.
    pub(super) pid: u32,
    /// Finds the processes that it forked. `None` finds none.
    pub(super) id: Option<u64>,
}

/// Lists the processes below `roots`, or in a session that one of these has begun, without the
/// roots. An orphan is found by its session, or by its forker while that is a zombie or a root.
pub(super) fn below(table: &[Row], roots: &[Root]) -> Vec<Row> {
    let mut above = roots.to_vec();
    let mut found: Vec<Row> = Vec::new();
    let mut next = 0;
    while next < above.len() {
        let one = above[next];
        for row in table {
            let id = Some(row.id);
            // By the forker, not by the parent: an orphan's parent is process 1, but its forker
            // stays the same.
            let is_below = one.id == Some(row.forked_by) || one.pid == row.session;
            // Compare identities, so that a circle of pids can't make this loop endless.
            if is_below && !above.iter().any(|it| it.id == id) {
                above.push(Root { pid: row.pid, id });
                found.push(*row);
            }
        }
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: u32, id: u64, forked_by: u64, session: u32) -> Row {
        Row {
            pid,
            id,
            forked_by,
            session,
            has_ended: false,
        }
    }

    fn pids(table: &[Row], roots: &[Root]) -> Vec<u32> {
        let found = below(table, roots);
        found.into_iter().map(|row| row.pid).collect()
    }

    const ROOT: Root = Root {
        pid: 10,
        id: Some(100),
    };

    #[test]
    fn descendants_belong_to_a_root_and_others_do_not() {
        let table = [
            row(1, 1, 0, 1),
            row(10, 100, 1, 7),
            row(11, 101, 100, 7),
            row(12, 102, 101, 7),
            row(20, 200, 1, 20),
        ];
        assert_eq!(pids(&table, &[ROOT]), [11, 12]);
        assert_eq!(pids(&table, &[]), [0; 0]);
    }

    #[test]
    fn an_orphan_is_found_by_its_forker_while_that_is_a_zombie() {
        let mut table = [row(11, 101, 100, 7), row(12, 102, 101, 12)];
        table[0].has_ended = true;
        assert_eq!(pids(&table, &[ROOT]), [11, 12]);
        assert_eq!(pids(&table[1..], &[ROOT]), [0; 0]);
    }

    #[test]
    fn an_orphan_is_found_by_the_session_that_a_root_has_begun() {
        let table = [row(12, 102, 101, 10), row(13, 103, 102, 13)];
        assert_eq!(pids(&table, &[ROOT]), [12, 13]);
        let unknown = Root { pid: 10, id: None };
        assert_eq!(pids(&table, &[unknown]), [12, 13]);
    }

    #[test]
    fn a_later_process_with_the_pid_of_a_root_is_not_the_root() {
        // It has the pid, and another identity. Its children are not the root's.
        let table = [row(10, 300, 1, 7), row(11, 301, 300, 7)];
        assert_eq!(pids(&table, &[ROOT]), [0; 0]);
    }

    #[test]
    fn a_circle_of_processes_ends_the_search() {
        let table = [row(11, 101, 102, 12), row(12, 102, 101, 11)];
        let root = Root {
            pid: 11,
            id: Some(101),
        };
        assert_eq!(pids(&table, &[root]), [12]);
    }
}
