//! Who sent a request, for `otelcol.client`.

use tailweir_core::{AuthAttribute, ClientContext};
use tailweir_ottl::Value;
use tailweir_paths::ClientFacts;

/// What expressions see of a client.
pub(crate) fn facts(client: &ClientContext) -> ClientFacts {
    let auth = client.auth.iter().map(|(name, attribute)| {
        let value = match attribute {
            AuthAttribute::Text(text) => Value::text(text.clone()),
            AuthAttribute::Texts(texts) => {
                Value::list(texts.iter().map(|text| Value::text(text.clone())).collect())
            }
        };
        (name.clone(), value)
    });
    let address = client.address.map(|address| address.to_string());
    ClientFacts::new(address, &client.metadata, auth.collect())
}
