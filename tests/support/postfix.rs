//! A real Postfix for one test, with its own configuration, queue, certificate and mailbox in a temporary
//! folder, on free ports of 127.0.0.1.
//!
//! Email to any address at example.org and example.net goes to one mailbox that the test reads. Everything
//! else is refused. Without an SMTP client service, nothing can leave the machine. Postfix accepts
//! `gone@example.org` and then bounces it to the envelope sender. Email for bounces.example.org goes to a port
//! that the test listens on, and email for pipe.example.org into a script of the test. A test reads `messages`
//! and `log`, or waits for them. Dropping the server stops it and removes the folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::{interval, timeout};

use super::supervisor::{ReservedPort, ServerScript, Supervisor, assert_installed, program_path};

/// The user for the submission and smtps ports.
pub const USER: &str = "daily";
/// The password of [`USER`].
pub const PASSWORD: &str = "correct horse battery staple";

const DEADLINE: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);
const SASL_REALM: &str = "daily.test";
/// The user that Postfix delivers as. The id is the same on every Linux.
const NOBODY: u32 = 65534;

/// Waits for a line, which means that the configuration is written. `master` leads the process group of all
/// daemons.
const SCRIPT: ServerScript = ServerScript {
    name: "daily-postfix",
    start: r#"umask 022
chmod 755 "$folder"
mkdir "$folder/queue"
printf '#!/bin/sh\nexec /usr/sbin/sendmail -C "%s/config" "$@"\n' "$folder" >"$folder/sendmail"
chmod 755 "$folder/sendmail"
read -r _ && {
    postfix -c "$folder/config" start # checks its configuration and folders first
} >"$folder/start.log" 2>&1 </dev/null && echo ready || cat "$folder/start.log" "$folder/maillog""#,
    stop: r#"read -r master <"$folder/queue/pid/master.pid" && kill -s KILL -- "-$master""#,
};

/// A running Postfix. Dropping it stops the server and removes its folder.
pub struct Postfix {
    supervisor: Supervisor,
    plain: ReservedPort,
    submission: ReservedPort,
    smtps: ReservedPort,
    lmtp: ReservedPort,
}

impl Postfix {
    /// Starts a server for this test.
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(Self::start_blocking)
            .await
            .expect("Postfix for the tests starts (its own panic says why not)")
    }

    /// Returns the port that offers STARTTLS and needs no login.
    pub fn plain_port(&self) -> u16 {
        self.plain.number()
    }

    /// Returns the port that accepts email only after STARTTLS and AUTH.
    pub fn submission_port(&self) -> u16 {
        self.submission.number()
    }

    /// Returns the port with implicit TLS that offers AUTH but does not require it.
    pub fn smtps_port(&self) -> u16 {
        self.smtps.number()
    }

    /// Returns the port of 127.0.0.1 to which email for bounces.example.org goes over LMTP. The test listens on
    /// it.
    pub fn lmtp_port(&self) -> u16 {
        self.lmtp.number()
    }

    /// Returns the certificate (PEM) of the authority that signed the server's, which names `localhost` and
    /// 127.0.0.1.
    pub fn ca_file(&self) -> PathBuf {
        self.folder().join("tls/ca.pem")
    }

    /// Returns the server's certificate and key, both PEM.
    pub fn certificate_and_key(&self) -> (PathBuf, PathBuf) {
        (self.folder().join("tls/server.pem"), self.folder().join("tls/server.key"))
    }

    /// Writes the shell script that email for pipe.example.org is piped into. It runs as `nobody`, with the
    /// recipient as its argument.
    pub fn write_receiver(&self, script: &str) {
        self.write("receive", &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.folder().join("receive"), fs::Permissions::from_mode(0o755))
            .expect("the script is ours");
    }

    /// Returns Postfix's sendmail program with this server's configuration.
    pub fn sendmail(&self) -> PathBuf {
        self.folder().join("sendmail")
    }

    /// Returns the log. Postfix writes each line with a little delay: see [`Self::wait_for_log`].
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("maillog")).unwrap_or_default()
    }

    /// Returns the delivered emails, oldest first, with the CRLF line endings of SMTP. Postfix puts
    /// `Return-Path`, `X-Original-To`, `Delivered-To` and `Received` before the message's own header.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut mails: Vec<_> = self
            .mail_files()
            .map(|path| {
                let delivered = fs::metadata(&path).and_then(|file| file.modified());
                (delivered.expect("a delivered mail stays"), path)
            })
            .collect();
        mails.sort();
        mails.iter().map(|(_, path)| with_crlf(&fs::read(path).expect("a delivered mail stays"))).collect()
    }

    /// Waits until at least `count` emails are delivered, and returns all of them.
    pub async fn wait_for_messages(&self, count: usize) -> Vec<Vec<u8>> {
        let what = format!("{count} delivered mails");
        self.wait_until(&what, || self.mail_files().count() >= count).await;
        self.messages()
    }

    /// Waits until `text` occurs in at least `count` lines of the log.
    pub async fn wait_for_log(&self, text: &str, count: usize) {
        let what = format!("{count} log lines with {text:?}");
        self.wait_until(&what, || self.log().lines().filter(|line| line.contains(text)).count() >= count)
            .await;
    }

    async fn wait_until(&self, what: &str, fulfilled: impl Fn() -> bool) {
        let waiting = async {
            let mut again = interval(POLL_EVERY);
            while !fulfilled() {
                again.tick().await;
            }
        };
        let in_time = timeout(DEADLINE, waiting).await.is_ok();
        assert!(in_time, "no {what} within {DEADLINE:?}; Postfix logged:\n{}", self.log());
    }

    fn folder(&self) -> &Path {
        self.supervisor.folder()
    }

    fn mail_files(&self) -> impl Iterator<Item = PathBuf> + use<> {
        fs::read_dir(self.folder().join("mail/inbox/new"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    }

    fn start_blocking() -> Self {
        let we_are_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        assert!(
            we_are_root,
            "Postfix tests need root: its master process must change to the users of its daemons"
        );
        assert_installed(&["postfix", "openssl", "saslpasswd2"]);
        let mut postfix = Self {
            supervisor: Supervisor::start(Command::new("sh"), &SCRIPT, &[]),
            plain: ReservedPort::reserve(),
            submission: ReservedPort::reserve(),
            smtps: ReservedPort::reserve(),
            lmtp: ReservedPort::reserve(),
        };
        postfix.make_certificates();
        postfix.make_login();
        postfix.write_configuration();
        postfix.supervisor.go_on();
        postfix.supervisor.wait_until_ready();
        postfix
    }

    fn write_configuration(&self) {
        let folder = self.folder().display();
        let mailboxes = self.folder().join("mail");
        fs::create_dir(&mailboxes)
            .and_then(|()| chown(&mailboxes, Some(NOBODY), Some(NOBODY)))
            .expect("root may give a folder");
        let main = format!(
            "compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}

myhostname = mail.example.org
myorigin = example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
local_recipient_maps =
alias_maps =
alias_database =
fast_flush_domains =
notify_classes =
in_flow_delay = 0
message_size_limit = 50000000
smtpd_client_connection_count_limit = 0
# Headers stay as they were signed.
local_header_rewrite_clients =

# One mailbox for everyone at these domains; everything else goes nowhere.
virtual_mailbox_domains = example.org, example.net
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = regexp:{folder}/config/mailboxes
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{NOBODY}
virtual_gid_maps = static:{NOBODY}
virtual_transport = virtual
# Bounces go back to Daily.
relay_domains = bounces.example.org, pipe.example.org
relay_recipient_maps =
transport_maps = texthash:{folder}/config/transport
lmtp_tls_security_level = may
lmtp_tls_loglevel = 1
daily_destination_recipient_limit = 1
default_transport = error:5.1.2 tests send no mail to the outside
relay_transport = $default_transport
local_transport = $default_transport
smtpd_reject_unlisted_recipient = no
smtpd_relay_restrictions = reject_unauth_destination

smtpd_tls_chain_files = {folder}/tls/server.key, {folder}/tls/server.pem
smtpd_tls_loglevel = 1
smtpd_tls_security_level = may
# Debian's Postfix looks in the configuration folder's `sasl` whatever this says.
cyrus_sasl_config_path = {folder}/config/sasl
smtpd_sasl_local_domain = {SASL_REALM}
"
        );
        let [plain, submission, smtps] = [self.plain_port(), self.submission_port(), self.smtps_port()];
        let services = format!(
            "127.0.0.1:{plain} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
lmtp unix - - n - 20 lmtp
daily unix - n n - 2 pipe
  flags=ORX user=nobody argv={folder}/receive ${{original_recipient}}
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"
        );
        self.write("config/main.cf", &main);
        self.write("config/master.cf", &services);
        let lmtp = format!(
            "bounces.example.org lmtp:inet:[127.0.0.1]:{}\npipe.example.org daily:\n",
            self.lmtp_port()
        );
        self.write("config/transport", &lmtp);
        self.write("config/mailboxes", "!/^gone/ inbox/\n");
        self.write(
            "config/sasl/smtpd.conf",
            &format!(
                "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {folder}/sasl/sasldb2\n\
                 mech_list: PLAIN LOGIN\n"
            ),
        );
    }

    fn make_login(&self) {
        let database = self.folder().join("sasl/sasldb2");
        self.write("sasl/password", PASSWORD);
        let mut saslpasswd2 = Command::new("saslpasswd2");
        saslpasswd2.args(["-p", "-c", "-u", SASL_REALM, "-f"]).arg(&database).arg(USER);
        saslpasswd2.stdin(
            fs::File::open(self.folder().join("sasl/password")).expect("the password was just written"),
        );
        run(saslpasswd2);
        fs::set_permissions(database, fs::Permissions::from_mode(0o644))
            .expect("Postfix may read the logins");
    }

    fn make_certificates(&self) {
        self.write(
            "tls/openssl.cnf",
            "[req]\ndistinguished_name = name\nprompt = no\n\
             [name]\nCN = Daily tests\n\
             [authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
             subjectKeyIdentifier = hash\n\
             [server]\nbasicConstraints = critical, CA:FALSE\nextendedKeyUsage = serverAuth\n\
             subjectAltName = DNS:localhost, IP:127.0.0.1\n",
        );
        let openssl = |name: &str, section: &str| {
            let mut openssl = Command::new("openssl");
            openssl.current_dir(self.folder().join("tls")).args([
                "req",
                "-x509",
                "-config",
                "openssl.cnf",
                "-nodes",
            ]);
            openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]);
            openssl.args([
                "-extensions",
                section,
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ]);
            openssl
        };
        run(openssl("ca", "authority"));
        let mut server = openssl("server", "server");
        server.args(["-CA", "ca.pem", "-CAkey", "ca.key"]);
        run(server);
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("the temp folder is writable");
        fs::write(path, text).expect("the temp folder is writable");
    }
}

fn run(mut command: Command) {
    let output = command.env("PATH", program_path()).output().expect("an installed program runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn with_crlf(stored: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(stored.len() + stored.len() / 32);
    for line in stored.split_inclusive(|byte| *byte == b'\n') {
        message.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        message.extend_from_slice(b"\r\n");
    }
    message
}
