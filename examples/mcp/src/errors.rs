//! Refusals as JSON-RPC errors.

use keyward::Rejection;
use keyward::adapter::RequestId;
use keyward::render::Rendered;
use rmcp::ErrorData;
use serde_json::json;

/// Writes a refusal of the layer. Its status and challenge stay.
pub(crate) fn json_rpc(rejection: &Rejection, id: &RequestId) -> Rendered {
    let mut error = json!(error_data(rejection));
    error["data"]["request_id"] = id.as_str().into();
    // The layer has not read the body, so it does not know the id of the call.
    Rendered::json(rejection.status(), "application/json", &json!({ "jsonrpc": "2.0", "id": null, "error": error }))
}

pub(crate) fn error_data(rejection: &Rejection) -> ErrorData {
    let mut data = json!({ "code": rejection.code() });
    if let Some(details) = rejection.details() {
        data["details"] = details;
    }
    if rejection.is_fault_of_service() {
        return ErrorData::internal_error(rejection.message(), Some(data));
    }
    ErrorData::invalid_request(rejection.message(), Some(data))
}
