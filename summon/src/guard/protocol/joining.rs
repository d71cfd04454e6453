//! Encodes what a process must know to join a shared service.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::encoding::{In, Out};
use super::wire::garbled;
use crate::guard::details::{Details, Failure};

impl Details {
    pub(crate) fn put(&self, out: &mut Out<'_>) {
        out.os(self.dir.as_os_str());
        out.os(self.log.as_os_str());
        out.number(self.since);
        out.option(self.addr, |out, addr| {
            out.bytes(addr.to_string().as_bytes());
        });
        out.bytes(self.command.as_bytes());
        out.bytes(self.directory.as_bytes());
        out.list(&self.environment, |out, line| out.bytes(line.as_bytes()));
        out.list(&self.ports, |out, (label, port)| {
            out.bytes(label.as_bytes());
            out.number((*port).into());
        });
        out.list(&self.values, |out, (name, value)| {
            out.bytes(name.as_bytes());
            out.bytes(value.as_bytes());
        });
    }

    pub(crate) fn get(from: &mut In<'_>) -> io::Result<Details> {
        Ok(Details {
            dir: from.os()?.into(),
            log: from.os()?.into(),
            since: from.number()?,
            addr: from.option(|from| from.text()?.parse().map_err(|_| garbled()))?,
            command: from.text()?,
            directory: from.text()?,
            environment: from.list(In::text)?,
            ports: from.list(|from| Ok((from.text()?, from.number()? as u16)))?,
            values: from.list(|from| Ok((from.text()?, from.text()?)))?,
        })
    }
}

impl Failure {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        out.flag(self.is_timeout);
        out.flag(self.is_already_running);
        out.option(self.exit, |out, exit| out.signed(exit.into_raw()));
        out.bytes(self.report.as_bytes());
        out.option(self.skip.as_ref(), |out, why| out.bytes(why.as_bytes()));
        out.bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> io::Result<Failure> {
        let mut from = In::new(bytes, Vec::new());
        Ok(Failure {
            is_timeout: from.flag()?,
            is_already_running: from.flag()?,
            exit: from.option(In::signed)?.map(ExitStatus::from_raw),
            report: from.text()?,
            skip: from.option(In::text)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::*;
    use crate::error::Error;

    #[test]
    fn details_are_read_as_they_were_written() {
        let details = Details {
            dir: OsString::from_vec(vec![0xff]).into(),
            log: "/tmp/x.log".into(),
            since: 7,
            addr: Some("[::1]:80".parse().unwrap()),
            command: "a\0b\nc".into(),
            directory: "/".into(),
            environment: vec!["A=b\nc".into(), String::new()],
            ports: vec![("admin".into(), 65535)],
            values: vec![("token".into(), "a\0b".into())],
        };
        for details in [details, Details::default()] {
            let mut out = Out::default();
            details.put(&mut out);
            let read = Details::get(&mut In::new(&out.bytes, Vec::new()));
            assert_eq!(read.unwrap(), details);
            for length in 0..out.bytes.len() {
                let mut part = In::new(&out.bytes[..length], Vec::new());
                assert!(Details::get(&mut part).is_err());
            }
        }
    }

    #[test]
    fn an_error_is_the_same_one_in_another_process() {
        let error = Error::new("no \x1b[1m")
            .fact("declared", "a.rs:1")
            .timeout();
        let error = error.exit(Some(ExitStatus::from_raw(256)));
        for error in [
            error.clone(),
            error.clone().already_running(),
            error.skip("no server"),
            Error::new("no"),
        ] {
            let failure = Failure::decode(&Failure::from(&error).encode()).unwrap();
            let read = Error::from(failure);
            assert_eq!(read.to_string(), error.to_string());
            assert_eq!(read.exit_status(), error.exit_status());
            assert_eq!(read.skipped(), error.skipped());
            assert_eq!(read.is_timeout(), error.is_timeout());
            assert_eq!(read.is_already_running(), error.is_already_running());
        }
        assert!(Failure::decode(b"no").is_err());
    }
}
