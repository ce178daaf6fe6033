use keyward_core::network::ipnet::IpNet;
use keyward_core::{Endpoint, Network};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// serde alone would also read `{"secret":null}` as `"secret"`.
pub(crate) fn word<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    T::deserialize(String::deserialize(from)?.into_deserializer())
}

pub(crate) fn word_or_null<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let word = Option::<String>::deserialize(from)?;
    word.map(|word| T::deserialize(word.into_deserializer())).transpose()
}

/// For JSON Schema, `5.0` is an integer, and some clients write it.
pub(crate) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(from: D) -> Result<T, D::Error> {
    whole_of(&Number::deserialize(from)?)
}

pub(crate) fn whole_or_null<'de, D: Deserializer<'de>, T: TryFrom<u64>>(from: D) -> Result<Option<T>, D::Error> {
    Option::<Number>::deserialize(from)?.as_ref().map(whole_of).transpose()
}

fn whole_of<T: TryFrom<u64>, E: serde::de::Error>(number: &Number) -> Result<T, E> {
    /// The largest number up to which a float is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=EXACT).contains(float));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within the range")]
    let whole = number.as_u64().or(float.map(|float| float as u64));
    let whole = whole.and_then(|whole| T::try_from(whole).ok());
    whole.ok_or_else(|| E::custom(format!("{number} is no whole number, or out of range: expected one from 0")))
}

/// Null differs from absence.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

pub(crate) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    Ok(Vec::<Network>::deserialize(from)?.into_iter().map(Into::into).collect())
}

pub(crate) fn networks_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<IpNet>>, D::Error> {
    let networks = Option::<Vec<Network>>::deserialize(from)?;
    Ok(networks.map(|networks| networks.into_iter().map(Into::into).collect()))
}

/// Records may have endpoints that a request may not.
pub(crate) fn endpoints<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Endpoint>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

pub(crate) fn endpoints_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Endpoint>>, D::Error> {
    let texts = Option::<Vec<String>>::deserialize(from)?;
    texts.map(|texts| texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()).transpose()
}

/// serde's own way fails for numbers if a program enables `arbitrary_precision` of `serde_json`. A secret beside the struct is not copied here.
pub(crate) fn flattened<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let fields = Map::<String, Value>::deserialize(from)?;
    T::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}
