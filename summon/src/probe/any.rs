//! Ready when one of several probes says so.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Explained, Facts, NotReady, Probe, Target};
use crate::tuples::{Sealed, tuples};

/// A probe that needs one of several, made by [`any`].
///
/// Use this name in types that hold the executor:
///
/// ```
/// use summon::{Coordinated, probe};
///
/// struct Api {
///     server: Coordinated<probe::Any>,
/// }
/// ```
#[derive(Clone)]
pub struct Any(Vec<Arc<dyn Probe>>);

/// Waits until one of these probes is ready. Takes a tuple of up to six probes, or an array or a
/// vector of probes of one type.
///
/// ```
/// use summon::{Coordinated, probe};
///
/// let server = Coordinated::with(
///     "sh -c 'echo listening; exec sleep 100'",
///     probe::any((probe::output("^listening"), probe::file("{dir}/up"))),
/// );
/// server.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
///
/// To wait for several probes, use [`and`](crate::Coordinated::and).
pub fn any(probes: impl Probes) -> Any {
    Any(probes.into_vec(Sealed))
}

/// The argument of [`any`]: several probes.
///
/// ```
/// use summon::{Coordinated, probe};
///
/// fn server(ready: impl probe::Probes) -> Coordinated<probe::Any> {
///     Coordinated::with("my-server", probe::any(ready))
/// }
///
/// server((probe::file("{dir}/up"), probe::output("^up$")));
/// server([probe::file("{dir}/up"), probe::file("{dir}/pid")]);
/// ```
pub trait Probes {
    #[doc(hidden)]
    fn into_vec(self, sealed: Sealed) -> Vec<Arc<dyn Probe>>;
}

impl<P: Probe> Probes for Vec<P> {
    fn into_vec(self, _: Sealed) -> Vec<Arc<dyn Probe>> {
        self.into_iter().map(|probe| Arc::new(probe) as _).collect()
    }
}

impl<P: Probe, const N: usize> Probes for [P; N] {
    fn into_vec(self, sealed: Sealed) -> Vec<Arc<dyn Probe>> {
        Vec::from(self).into_vec(sealed)
    }
}

tuples!(Probes, Probe, Arc::new => Arc<dyn Probe>; A B C D E F);

impl Probe for Any {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let mut why = Vec::new();
        for probe in &self.0 {
            match probe.look(target) {
                Ok(()) => return Ok(()),
                Err(seen) => why.push(seen.why),
            }
        }
        Err(NotReady::yet(why.join("; ")))
    }

    fn describe(&self, target: &Target<'_>) -> String {
        let all: Vec<String> = self.0.iter().map(|it| it.describe(target)).collect();
        all.join(", or ")
    }

    fn begin(&self, target: &Target<'_>) {
        self.0.iter().for_each(|probe| probe.begin(target));
    }

    fn check(&self) -> Result<(), String> {
        match self.0.is_empty() {
            true => Err("`any` of no probes would never be ready".to_owned()),
            false => self.0.iter().try_for_each(|probe| probe.check()),
        }
    }

    fn hash_options(&self, mut state: &mut dyn Hasher) {
        ("any", self.0.len()).hash(&mut state);
        for probe in &self.0 {
            probe.hash_options(state);
        }
    }

    fn facts(&self) -> Facts<'_> {
        let mut all = Facts::default();
        for probe in &self.0 {
            let facts = probe.facts();
            all.endpoint = all.endpoint.or(facts.endpoint);
            all.texts.extend(facts.texts);
            all.values.extend(facts.values);
            all.is_ready_at_exec |= facts.is_ready_at_exec;
            all.is_told_by_socket |= facts.is_told_by_socket;
            all.alternatives.push(&**probe);
        }
        all
    }

    /// A probe that wraps this one asks here; else summon asks each alternative.
    fn explain(&self, target: &Target<'_>) -> Explained {
        let mut hints = self.0.iter().map(|probe| probe.explain(target).hint);
        Explained {
            last: None,
            hint: hints.find_map(|hint| hint),
        }
    }
}

impl std::fmt::Debug for Any {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Any").field(&self.0.len()).finish()
    }
}
