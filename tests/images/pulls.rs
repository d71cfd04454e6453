//! A missing image is pulled before the start, and an error has the engine's words and a remedy.

use summon::{HttpCoordinatedExecutor, TcpCoordinatedExecutor};

use crate::engine::{ACTOR, ask, is_podman};

/// The configuration of a public registry.
const CONFIG: &str = "\
version: 0.1
storage:
  filesystem:
    rootdirectory: /
http:
  addr: 127.0.0.1:0
";

#[test]
#[cfg_attr(
    not(all(has_images, has_registry)),
    ignore = "needs an engine with the images of `tests/run images`, and docker-registry"
)]
fn come_from_a_registry_or_say_why_not() {
    // Podman wants the port of a registry without TLS in a file.
    if is_podman() {
        return;
    }
    let serve = |config: &str, status: u16| {
        HttpCoordinatedExecutor::new(
            format!("docker-registry serve {config}"),
            "http://127.0.0.1:{port}/v2/",
        )
        .status(status)
        .env("REGISTRY_HTTP_ADDR", "127.0.0.1:{port}")
        .env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "{dir}")
    };
    let registry = serve("{dir}/config.yml", 200).with_file("config.yml", CONFIG);
    registry.start().unwrap();
    let image = format!("127.0.0.1:{}/summon-test/pulled:1", registry.port());
    ask(&["tag", ACTOR, &image]);
    ask(&["push", "-q", &image]);
    ask(&["rmi", &image]);
    let server = |image: &str| {
        TcpCoordinatedExecutor::new("listen 0.0.0.0:80", "localhost", 80).image(image)
    };
    let error = server(&image)
        .pull(summon::Pull::Never)
        .start()
        .unwrap_err();
    assert!(
        error.to_string().contains("and `pull` is \"never\""),
        "{error}"
    );
    let both = [server(&image), server(&image)];
    std::thread::scope(|scope| {
        for server in &both {
            scope.spawn(|| server.start().unwrap());
        }
    });
    drop(both);
    ask(&["rmi", &image]);
    let other = server(&image).platform("linux/arm64");
    let error = other.start().unwrap_err().to_string();
    assert!(error.contains("linux/arm64"), "{error}");
    ask(&["rmi", &image]);
    let absent = format!("127.0.0.1:{}/summon-test/pulled:2", registry.port());
    let error = server(&absent).start().unwrap_err().to_string();
    assert!(error.contains("manifest unknown"), "{error}");
    assert!(error.contains("check the name and the tag"), "{error}");
    registry.stop().unwrap();
    let error = server(&absent).start().unwrap_err().to_string();
    // The same process does not ask again.
    assert!(error.contains("manifest unknown"), "{error}");
    let unreachable = format!("127.0.0.1:{}/summon-test/pulled:3", registry.port());
    let error = server(&unreachable).start().unwrap_err().to_string();
    assert!(error.contains("connection refused"), "{error}");
    assert!(error.contains("the registry can't be reached"), "{error}");
    // Debian's own configuration wants a password.
    let closed = serve("/etc/docker/registry/config.yml", 401).named("closed");
    closed.start().unwrap();
    let secret = format!("127.0.0.1:{}/summon-test/secret:1", closed.port());
    let error = server(&secret).start().unwrap_err().to_string();
    assert!(error.contains("no basic auth credentials"), "{error}");
    assert!(error.contains("run `docker login`"), "{error}");
}
