//! Hands messages from the listener to the action that receives them.

use crate::{
    actions::incoming::{
        IncomingContext,
        receive::{Incoming, is_our_recipient, receive},
    },
    app::App,
    domain::subscriber::email_address::EmailAddress,
    mail::{
        inbound,
        listener::{Listener, Receiver},
    },
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio_util::sync::CancellationToken;

struct IncomingEmail {
    context: IncomingContext,
    /// Further addresses that take email.
    addresses: Vec<EmailAddress>,
}

/// Binds the listener for incoming email.
pub async fn listen(app: &App, address: SocketAddr, stop: CancellationToken) -> io::Result<Listener> {
    let settings = &app.settings;
    let receiver =
        IncomingEmail { context: app.incoming.clone(), addresses: settings.receive.addresses.clone() };
    let name = settings.sending.hello_name.to_string();
    Listener::bind(&settings.receive, address, name, Arc::new(receiver), stop).await
}

#[async_trait::async_trait]
impl Receiver for IncomingEmail {
    fn accepts(&self, address: &str) -> bool {
        self.addresses.iter().any(|it| it.as_str().eq_ignore_ascii_case(address))
            || is_our_recipient(&self.context, address)
    }

    async fn receive(&self, recipient: &str, message: &[u8]) -> Result<String, String> {
        let reading = inbound::read(message);
        let hash = inbound::hash(message);
        let incoming =
            Incoming { bytes: message, recipient: Some(recipient), reading: reading.as_ref(), hash: &hash };
        let outcome = receive(&self.context, &incoming).await.map_err(|error| error.to_string())?;
        tracing::info!(kind = %outcome.kind, did = outcome.did, "message received");
        Ok(outcome.did)
    }
}
