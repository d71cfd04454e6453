//! Ranges of IP addresses, such as `172.17.0.0/16`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::str::FromStr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    base: IpAddr,
    /// The number of these bits.
    bits: u8,
}

fn width(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

impl Subnet {
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let (ip, width) = (ip.to_canonical(), width(self.base));
        let rest = u32::from(width - self.bits);
        let begin = |ip| number(ip).checked_shr(rest).unwrap_or_default();
        ip.is_ipv4() == self.base.is_ipv4() && begin(ip) == begin(self.base)
    }

    /// Returns this machine's own address in the subnet, if it has one.
    pub(crate) fn own_address(&self) -> Option<IpAddr> {
        // Any address but the first, which names the subnet.
        let some = number(self.base) | 2;
        let (any, some): (IpAddr, IpAddr) = match self.base {
            IpAddr::V4(_) => (
                Ipv4Addr::UNSPECIFIED.into(),
                Ipv4Addr::from(some as u32).into(),
            ),
            IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::from(some).into()),
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        // Sends nothing: the kernel only chooses the address that packets would come from.
        socket.connect((some, 9)).ok()?;
        let own = socket.local_addr().ok()?.ip();
        self.contains(own).then_some(own)
    }
}

impl FromStr for Subnet {
    type Err = ();

    fn from_str(text: &str) -> Result<Subnet, ()> {
        let (base, bits) = text.split_once('/').ok_or(())?;
        let base: IpAddr = base.parse().map_err(drop)?;
        let bits = bits.parse().map_err(drop)?;
        match bits <= width(base) {
            true => Ok(Subnet { base, bits }),
            false => Err(()),
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_contains_the_addresses_that_begin_like_it() {
        let contains = |subnet: &str, ip: &str| {
            let subnet: Subnet = subnet.parse().unwrap();
            subnet.contains(ip.parse().unwrap())
        };
        assert!(contains("172.17.0.0/16", "172.17.255.1"));
        assert!(contains("172.17.0.0/16", "::ffff:172.17.0.9"));
        assert!(!contains("172.17.0.0/16", "172.18.0.1"));
        assert!(!contains("172.17.0.0/16", "::1"));
        assert!(contains("0.0.0.0/0", "9.9.9.9") && contains("::/0", "::1"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(contains("10.0.0.1/32", "10.0.0.1") && !contains("10.0.0.1/32", "10.0.0.2"));
        assert!(contains("fd00::/64", "fd00::9") && !contains("fd00::/64", "fd00:0:0:1::9"));
    }

    #[test]
    fn no_other_text_is_a_subnet() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/x", "::/129"] {
            assert_eq!(text.parse::<Subnet>(), Err(()), "{text}");
        }
        let subnet: Subnet = "10.0.0.0/8".parse().unwrap();
        assert_eq!(subnet.to_string(), "10.0.0.0/8");
    }

    #[test]
    fn this_machine_has_an_address_on_its_loopback() {
        let loopback: Subnet = "127.0.0.0/8".parse().unwrap();
        assert!(loopback.own_address().is_some_and(|ip| ip.is_loopback()));
        // Reserved for documentation (RFC 5737), so no machine has it.
        let nowhere: Subnet = "203.0.113.0/24".parse().unwrap();
        assert_eq!(nowhere.own_address(), None);
    }
}
