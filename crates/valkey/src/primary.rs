//! Follows a failover. All data has one hash tag, so one primary of a cluster has it all.

use redis::{Client, ErrorKind, RedisError, RedisResult, Value};

#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Fixed.
    Here(Client),
    /// By sentinels.
    Sentinels { sentinels: Vec<Client>, service: String, reach: Reach },
    /// By slot.
    Cluster { servers: Vec<Client>, reach: Reach },
}

#[derive(Clone, Debug)]
pub(crate) struct Reach {
    scheme: &'static str,
    /// `user:password@`, or empty.
    credentials: String,
    /// `/0`, or empty.
    database: String,
}

impl Reach {
    fn client(&self, host: &str, port: u16) -> RedisResult<Client> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Client::open(format!("{}://{}{host}:{port}{}", self.scheme, self.credentials, self.database))
    }
}

fn invalid(what: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, what).into()
}

impl Place {
    /// See the [forms](crate#connection-strings).
    pub(crate) fn parse(url: &str) -> RedisResult<Self> {
        let Some((kind, rest)) = url.split_once("://") else { return Ok(Self::Here(Client::open(url)?)) };
        let (scheme, kind) = kind.split_once('+').unwrap_or((kind, ""));
        let scheme = match scheme {
            "redis" | "valkey" => "redis",
            "rediss" | "valkeys" => "rediss",
            _ => return Ok(Self::Here(Client::open(url)?)),
        };
        if kind.is_empty() {
            return Ok(Self::Here(Client::open(format!("{scheme}://{rest}"))?));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
            None => (String::new(), authority),
        };
        let clients = |credentials: &str| -> RedisResult<Vec<Client>> {
            hosts.split(',').map(|host| Client::open(format!("{scheme}://{credentials}{host}"))).collect()
        };
        match kind {
            "sentinel" => {
                let (service, database) = path.split_once('/').unwrap_or((path, ""));
                if service.is_empty() {
                    return Err(invalid("missing name of the service: expected redis+sentinel://host:port/service"));
                }
                let database = if database.is_empty() { String::new() } else { format!("/{database}") };
                let reach = Reach { scheme, credentials, database };
                Ok(Self::Sentinels { sentinels: clients("")?, service: service.to_owned(), reach })
            }
            "cluster" if path.is_empty() => Ok(Self::Cluster {
                servers: clients(&credentials)?,
                reach: Reach { scheme, credentials, database: String::new() },
            }),
            "cluster" => Err(invalid("a cluster has no databases: expected redis+cluster://host:port,host:port")),
            _ => Err(invalid("unknown scheme: expected redis, rediss, redis+sentinel or redis+cluster")),
        }
    }

    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Here(_))
    }

    /// The first answer counts.
    pub(crate) async fn primary(&self) -> RedisResult<Client> {
        let (known, reach) = match self {
            Self::Here(client) => return Ok(client.clone()),
            Self::Sentinels { sentinels, reach, .. } => (sentinels, reach),
            Self::Cluster { servers, reach } => (servers, reach),
        };
        let mut failure = invalid("missing host");
        for client in known {
            match self.ask(client).await {
                Ok((host, port)) => return reach.client(&host, port),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask(&self, client: &Client) -> RedisResult<(String, u16)> {
        let mut connection = client.get_multiplexed_async_connection().await?;
        if let Self::Sentinels { service, .. } = self {
            let mut ask = redis::cmd("SENTINEL");
            let named: Option<(String, u16)> =
                ask.arg("get-master-addr-by-name").arg(service).query_async(&mut connection).await?;
            return named.ok_or_else(|| invalid("the sentinel does not know the service: check its name"));
        }
        let slot: u64 = redis::cmd("CLUSTER").arg("KEYSLOT").arg("{keyward}").query_async(&mut connection).await?;
        let ranges: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
        for range in &ranges {
            let [first, last, primary, ..] = range.as_slice() else { continue };
            let (first, last): (u64, u64) = (redis::from_redis_value_ref(first)?, redis::from_redis_value_ref(last)?);
            if let (true, Value::Array(primary)) = ((first..=last).contains(&slot), primary)
                && let [host, port, ..] = primary.as_slice()
            {
                let host: String = redis::from_redis_value_ref(host)?;
                // An empty host means the server that was asked.
                let host = if host.is_empty() { asked_host(client) } else { host };
                return Ok((host, redis::from_redis_value_ref(port)?));
            }
        }
        Err(invalid("no server of the cluster has the slot of {keyward}"))
    }
}

fn asked_host(client: &Client) -> String {
    let address = client.get_connection_info().addr().to_string();
    address.rsplit_once(':').map_or(address.clone(), |(host, _)| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_say_where_to_look() {
        for (url, expected) in [
            ("redis://u:p@h:1/2", "here h:1"),
            ("valkey://h:1", "here h:1"),
            ("redis+sentinel://a:1,b:2/main", "main at a:1 b:2 by redis://"),
            ("valkey+sentinel://u:p@a:1/main/3", "main at a:1 by redis://u:p@/3"),
            ("redis+cluster://u:p@a:1,b:2", "cluster a:1 b:2 by redis://u:p@"),
            ("redis+sentinel://a:1/", "error"),
            ("redis+cluster://a:1/3", "error"),
            ("redis+other://a:1", "error"),
            ("http://a", "error"),
            ("nothing", "error"),
        ] {
            let addresses = |clients: &[Client]| {
                let all: Vec<_> =
                    clients.iter().map(|client| client.get_connection_info().addr().to_string()).collect();
                all.join(" ")
            };
            let by = |reach: &Reach| format!("{}://{}{}", reach.scheme, reach.credentials, reach.database);
            let said = match Place::parse(url) {
                Ok(Place::Here(client)) => format!("here {}", addresses(&[client])),
                Ok(Place::Sentinels { sentinels, service, reach }) => {
                    format!("{service} at {} by {}", addresses(&sentinels), by(&reach))
                }
                Ok(Place::Cluster { servers, reach }) => format!("cluster {} by {}", addresses(&servers), by(&reach)),
                Err(_) => "error".to_owned(),
            };
            assert_eq!(said, expected, "{url}");
        }
    }
}
