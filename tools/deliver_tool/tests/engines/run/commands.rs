//! How commands run.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use super::runners::{is_plain, with_runners};

#[test]
fn commands_get_through_untouched() {
    with_runners(is_plain, |runner| {
        let odd =
            "printf '%s' 'a \"b\" $HOME `c` \\d\ne' > /opt/odd; echo \"$0\" \"${#}\" > /opt/own";
        let layer = runner
            .job(&[odd, "# nothing", "echo $((6*7)) >> /opt/own"])
            .makes_layer();
        assert_eq!(
            layer.entry("opt/odd")["content"],
            "a \"b\" $HOME `c` \\d\ne",
            "{}",
            runner.name
        );
        assert_eq!(
            layer.entry("opt/own")["content"],
            "/bin/sh 0\n42\n",
            "{}",
            runner.name
        );
        let exact = [
            "/bin/sh",
            "-c",
            "printf '%s,' \"$@\" > /opt/exact",
            "x",
            "",
            "a b",
            "$c",
            "\"",
            "\n",
        ];
        let layer = runner.job(&[]).exact(&exact).makes_layer();
        assert_eq!(
            layer.entry("opt/exact")["content"],
            ",a b,$c,\",\n,",
            "{}",
            runner.name
        );
    });
}

#[test]
fn user_environment_and_folder_are_those_that_were_asked_for() {
    with_runners(is_plain, |runner| {
        let commands = ["id -u; id -g; id -G; pwd; echo \"$GREETING\"; echo \"$HOME\"; touch mine"];
        let layer = runner
            .job(&commands)
            .with("user", json!("app"))
            .with("workdir", json!("/tmp"))
            .with("env", json!({"GREETING": "good \"day\""}))
            .makes_layer();
        let expected = "1000\n1001\n1001 29\n/tmp\ngood \"day\"\n/srv\n";
        assert_eq!(layer.output, expected, "{}", runner.name);
        assert_eq!(
            layer.entry("tmp/mine")["owner"],
            "1000:1001",
            "{}",
            runner.name
        );
        let layer = runner
            .job(&["pwd; echo > x"])
            .with("workdir", json!("/made/here"))
            .makes_layer();
        assert_eq!(
            layer.names(),
            ["made/", "made/here/", "made/here/x"],
            "{}",
            runner.name
        );
    });
}

#[test]
fn inputs_are_read_and_leave_nothing() {
    with_runners(is_plain, |runner| {
        let commands = [
            "cat /in/files/a /in/files/sub/b /in/one /etc/conf; cat /in/folder/c",
            "(echo x > /in/files/a) 2>/dev/null || echo refused; echo > /opt/x",
        ];
        let job = runner.job(&commands);
        let (a, b) = (job.write("inputs/a", "A\n"), job.write("inputs/b", "B\n"));
        job.write("folder/c", "C\n");
        let entry = |path: &str, source| json!({"path": path, "source": source});
        let job = job.with("inputs", json!([]));
        let folder = job.file("folder");
        let layer = job
            .with(
                "inputs",
                json!([
                    {"target": "/in/files", "entries": [entry("a", &a), entry("sub/b", &b)]},
                    {"target": "/in/one", "entries": [entry("", &a)]},
                    {"target": "/etc/conf", "entries": [entry("", &b)]},
                    {"target": "/in/folder", "entries": [entry("", &folder)]},
                ]),
            )
            .makes_layer();
        assert_eq!(layer.output, "A\nB\nA\nB\nC\nrefused\n", "{}", runner.name);
        assert_eq!(layer.names(), ["opt/", "opt/x"], "{}", runner.name);
    });
}

#[test]
fn a_cache_stays_from_run_to_run() {
    with_runners(is_plain, |runner| {
        let name = format!("stevedore-tests-{}", std::process::id());
        let job = runner
            .job(&["echo line >> /var/cache/x/log; wc -l < /var/cache/x/log; mktemp -p /opt -u > /opt/x"])
            .with("caches", json!({"/var/cache/x": name}));
        assert_eq!(job.makes_layer().output, "1\n", "{}", runner.name);
        let layer = job.makes_layer();
        assert_eq!(layer.output, "2\n", "{}", runner.name);
        assert_eq!(layer.names(), ["opt/", "opt/x"], "{}", runner.name);
        if let Some(api) = runner.api() {
            runner.is_clean();
            let path = format!("/volumes/stevedore-cache-{name}");
            let (status, said) = api.call("DELETE", &path, &serde_json::Value::Null).unwrap();
            assert_eq!(status, 204, "{}: {said}", runner.name);
        }
    });
}

#[test]
fn a_secret_is_seen_by_the_commands_and_by_nobody_else() {
    const SECRET: &str = "correct-horse-battery";
    with_runners(is_plain, |runner| {
        let job = runner
            .job(&[
                "cat /run/secrets/token /run/secrets/file; wc -c < /run/secrets/token > /opt/size",
            ])
            .with("user", json!("root"));
        let file = job.write("secret", SECRET);
        let secrets =
            json!({"token": "env:BENCH_TOKEN", "file": format!("file:{}", file.display())});
        let job = job.with("secrets", secrets);
        let mut program = job.program();
        program.command().env("BENCH_TOKEN", SECRET);
        let finished = program.run().unwrap();
        let layer = job.layer(&finished);
        assert_eq!(
            layer.entry("opt/size")["content"],
            "21\n",
            "{}",
            runner.name
        );
        assert_eq!(layer.names(), ["opt/", "opt/size"], "{}", runner.name);
        assert!(
            !finished.stderr.contains(SECRET),
            "{}: {}",
            runner.name,
            finished.stderr
        );
        let secrets = json!({"token": "env:BENCH_TOKEN", "file": "file:/nowhere/secret"});
        let missing = runner.job(&["echo > /opt/x"]).with("secrets", secrets);
        missing.fails("secret");
    });
}

#[test]
fn memory_in_tmpfs_is_limited() {
    with_runners(is_plain, |runner| {
        let command = "dd if=/dev/zero of=/scratch/x bs=1M count=3 2>/dev/null && echo all; wc -c < /scratch/x > /opt/x";
        let sized = |size| {
            let job = runner
                .job(&[command])
                .with("tmpfs", json!({"/scratch": size}));
            job.makes_layer().entry("opt/x")["content"].clone()
        };
        assert_eq!(sized(json!(1 << 20)), "1048576\n", "{}", runner.name);
        assert_eq!(sized(json!(null)), "3145728\n", "{}", runner.name);
    });
}

#[test]
fn there_is_no_network_unless_it_is_asked_for() {
    let port = greeter();
    let command =
        format!("wget -T 5 -q -O /opt/x http://127.0.0.1:{port}/ || echo unreachable > /opt/x");
    with_runners(is_plain, |runner| {
        let seen = |network| {
            let job = runner.job(&[&command]).with("network", json!(network));
            job.makes_layer().entry("opt/x")["content"].clone()
        };
        assert_eq!(seen("none"), "unreachable\n", "{}", runner.name);
        assert_eq!(seen("host"), "hello\n", "{}", runner.name);
    });
}

/// A server on this machine that greets everybody; its port.
fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let answer = "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn memory_and_processors_are_limited() {
    // podman has no control groups of its own without rights.
    let has_groups = |name: &str| is_plain(name) && !name.contains("rootless");
    with_runners(has_groups, |runner| {
        let limited = |command| {
            let job = runner.job(&[command]).with("memory", json!(32 << 20));
            job.with("cpus", json!(0.5))
        };
        limited("head -c 200m /dev/zero | tail -c 200m > /opt/x")
            .fails("was it out of memory? (`memory` is 33554432 bytes)");
        // An OCI runtime by itself mounts no control groups in the container.
        if runner.host.is_some() {
            let command =
                "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us > /opt/x || true";
            let quota = limited(command).makes_layer().entry("opt/x")["content"].clone();
            let quota = quota.as_str().unwrap();
            assert!(quota.starts_with("50000"), "{}: {quota}", runner.name);
        }
    });
}

#[test]
fn output_is_shown_as_it_comes() {
    use std::io::Read;
    use std::time::Instant;

    with_runners(is_plain, |runner| {
        let job = runner.job(&["echo first; sleep 2; echo second > /opt/x"]);
        let mut program = job.program();
        let start = Instant::now();
        let mut child = program.start().unwrap();
        let mut first = [0; 6];
        child
            .stderr
            .as_mut()
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
        let shown = start.elapsed();
        let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
        let ended = start.elapsed();
        assert_eq!(&first, b"first\n", "{}", runner.name);
        job.layer(&finished);
        assert!(
            (ended - shown).as_secs_f64() > 1.5,
            "{}: {shown:?} of {ended:?}",
            runner.name
        );
    });
}
