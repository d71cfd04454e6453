//! The verbs of one direction change this direction alone, and a closure ends what it has begun.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use summon::Way;

use crate::linked::{Linked, ends, is_silent, noise, says};

const WAYS: [Way; 2] = [Way::ToServer, Way::ToClient];

#[test]
fn each_verb_ends_with_its_closure_even_if_it_panics() {
    let linked = Linked::new();
    let link = &linked.link;
    link.delay(("1h", "1s")).unwrap();
    let before = format!("{link:?}");
    for way in WAYS {
        let one_way = link.one_way(way);
        let fail = || {
            assert_ne!(format!("{link:?}"), before, "{way:?}");
            panic!("the test's own");
        };
        let verbs: [&dyn Fn(); 4] = [
            &|| one_way.silenced(fail).unwrap(),
            &|| one_way.delayed("1s", fail).unwrap(),
            &|| one_way.limited(1, fail).unwrap(),
            &|| one_way.closed_after(1, fail).unwrap(),
        ];
        for verb in verbs {
            let panic = catch_unwind(AssertUnwindSafe(verb)).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"the test's own"));
            assert_eq!(format!("{link:?}"), before, "{way:?}");
        }
    }
}

#[test]
fn one_direction_can_be_late_alone() {
    let linked = Linked::new();
    let (client, server) = &mut linked.connect();
    for way in WAYS {
        let (from, to) = match way {
            Way::ToServer => (&mut *client, &mut *server),
            Way::ToClient => (&mut *server, &mut *client),
        };
        let delayed = linked.link.one_way(way).delayed("1h", || {
            to.write_all(b"at once").unwrap();
            says(from, b"at once");
            from.write_all(b"late").unwrap();
            assert!(is_silent(to));
        });
        delayed.unwrap();
        says(to, b"late");
    }
}

#[test]
fn one_direction_can_be_slow_alone() {
    let linked = Linked::new();
    let (client, server) = &mut linked.connect();
    let sent = noise(10_000, 6);
    for way in WAYS {
        let (from, to) = match way {
            Way::ToServer => (&mut *client, &mut *server),
            Way::ToClient => (&mut *server, &mut *client),
        };
        let passed = || {
            let counted = linked.link.connections().unwrap();
            match way {
                Way::ToServer => counted.to_server,
                Way::ToClient => counted.to_client,
            }
        };
        let before = passed();
        let limited = linked.link.one_way(way).limited(1, || {
            from.write_all(&sent).unwrap();
            // This would take hours.
            to.write_all(&sent).unwrap();
            says(from, &sent);
            assert!(passed() - before < 5000);
        });
        limited.unwrap();
        says(to, &sent);
    }
}

#[test]
fn one_direction_can_end_alone_in_the_middle_of_a_message() {
    for way in WAYS {
        let linked = Linked::new();
        let (client, server) = &mut linked.connect();
        let (from, to) = match way {
            Way::ToServer => (client, server),
            Way::ToClient => (server, client),
        };
        linked.link.one_way(way).close_after(5).unwrap();
        // The other direction counts nothing.
        to.write_all(b"a whole message").unwrap();
        says(from, b"a whole message");
        from.write_all(b"a whole message").unwrap();
        says(to, b"a who");
        assert!(ends(to), "{way:?}");
    }
}
