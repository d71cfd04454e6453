#![doc = include_str!("../../README.md")]

#[doc(hidden)]
pub mod __private;
mod command;
mod error;
mod executor;
mod limit;
mod orchestrator;
mod output;
mod port;
pub mod probe;
mod process;
mod session;
mod sys;
mod template;

pub use command::Command;
pub use error::Error;
pub use executor::{
    Coordinated, Executor, HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor,
    TcpCoordinatedExecutor,
};
pub use limit::Limit;
pub use orchestrator::{Executors, Orchestrator, Scope, orchestrated};
pub use process::Process;
pub use summon_macros::summon;
pub use sys::Signal;
