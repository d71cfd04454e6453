//! The databases that a guard makes for its users.

use std::os::fd::{AsRawFd, RawFd};

use super::Guard;
use crate::error::escaped;
use crate::guard::databases::{DatabaseOrder, Databases, Want};
use crate::guard::protocol::message::News;
use crate::sys::peer::peer;

impl Guard {
    /// Obeys an order about databases from the peer with this socket.
    pub(super) fn obey_about_databases(&mut self, user: RawFd, order: DatabaseOrder) {
        match order {
            DatabaseOrder::Want {
                number,
                test,
                server,
            } => {
                let pid = self.pid_of(user);
                let databases = self.databases.get_or_insert_with(|| Databases::new(server));
                databases.want(Want { user, number, test }, pid);
            }
            DatabaseOrder::WantDefaults { number, server } => {
                let pid = self.pid_of(user);
                let databases = self.databases.get_or_insert_with(|| Databases::new(server));
                databases.want_defaults(user, number, pid);
            }
            DatabaseOrder::Filled { name, failure } => {
                if let Some(databases) = &mut self.databases {
                    databases.filled(user, &name, failure);
                }
            }
            DatabaseOrder::Cancel { number } => {
                if let Some(databases) = &mut self.databases {
                    databases.cancel(user, number);
                }
            }
            DatabaseOrder::Done { name, has_failed } => {
                if let Some(databases) = &mut self.databases {
                    databases.done(user, &name, has_failed);
                }
            }
        }
    }

    fn pid_of(&mut self, user: RawFd) -> Option<u32> {
        let client = self.clients().find(|it| it.socket.as_raw_fd() == user);
        client.and_then(|it| Some(peer(&it.socket).ok()?.pid))
    }

    /// Gives up the databases of users that have ended.
    pub(super) fn forget_users_of_databases(&mut self) {
        if self.databases.is_none() {
            return;
        }
        let users: Vec<RawFd> = self.clients().map(|it| it.socket.as_raw_fd()).collect();
        if let Some(databases) = &mut self.databases {
            databases.forget_all_but(&users);
        }
    }

    /// Returns the tests of this user that have a database, each with the URL.
    pub(super) fn databases_of(&self, user: RawFd) -> Vec<(String, String)> {
        let databases = self.databases.iter();
        databases.flat_map(|it| it.of_user(user)).collect()
    }

    /// Writes remarks about the databases into the log, where reports show them.
    fn write_remarks(&mut self) {
        let remarks = self.databases.iter_mut().flat_map(Databases::take_remarks);
        for remark in remarks.collect::<Vec<_>>() {
            // The service has written its own lines about this before.
            self.pump();
            let line = format!("[summon: {}]\n", escaped(&remark));
            self.recorder.log.keep(line.as_bytes());
            self.latest.length = self.recorder.log.length;
        }
    }

    /// Goes on with the databases, and answers the tests that want one.
    pub(super) fn go_on_with_databases(&mut self) {
        self.forget_users_of_databases();
        let users = self.clients().count();
        let Some(databases) = &mut self.databases else {
            return;
        };
        // A server that ends waits for its clients, as PostgreSQL does after SIGTERM.
        match self.service.is_running() {
            true => databases.go_on(users),
            false => databases.close(),
        }
        self.write_remarks();
        let Some(databases) = &mut self.databases else {
            return;
        };
        let mut later = Vec::new();
        for (user, number, answer) in databases.take_answers() {
            match self.clients().find(|it| it.socket.as_raw_fd() == user) {
                Some(client) if client.has_room() => {
                    client.tell(&News::Database { number, answer });
                }
                // Its socket wakes the guard when it has read the earlier ones.
                Some(_) => later.push((user, number, answer)),
                None => {}
            }
        }
        if let Some(databases) = &mut self.databases {
            databases.put_back(later);
        }
    }
}
