//! The tools: notes in memory, separate for each account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyward::AccountId;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, ServerCapabilities, ServerConfig};
use rmcp::{ErrorData, ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;
use serde_json::json;

use crate::allowed::{Allowed, Any};

keyward::scopes! {
    /// List notes.
    NotesRead = "notes:read";
    /// Add notes.
    NotesWrite = "notes:write";
}

/// No account may fill the memory.
const MAX_NOTES: usize = 1_000;
const MAX_LENGTH: usize = 1_000;

#[derive(Clone, Default)]
pub(crate) struct Tools(Arc<Mutex<HashMap<AccountId, Vec<String>>>>);

#[derive(Deserialize, schemars::JsonSchema)]
struct Note {
    /// The text of the note.
    text: String,
}

#[tool_router]
impl Tools {
    #[tool(description = "Describe the API key of this request.")]
    async fn whoami(&self, caller: Allowed<Any>) -> CallToolResult {
        CallToolResult::structured(
            json!({ "key": caller.id(), "account": caller.account(), "scopes": caller.scopes() }),
        )
    }

    #[tool(description = "List the account's notes.")]
    async fn list_notes(&self, caller: Allowed<NotesRead>) -> CallToolResult {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        CallToolResult::structured(json!({ "notes": notes.get(caller.account()).map_or(&[][..], Vec::as_slice) }))
    }

    #[tool(description = "Add a note.")]
    async fn add_note(
        &self,
        caller: Allowed<NotesWrite>,
        Parameters(note): Parameters<Note>,
    ) -> Result<CallToolResult, ErrorData> {
        if note.text.len() > MAX_LENGTH {
            let length = note.text.len();
            let text = format!("The note has {length} bytes, and at most {MAX_LENGTH} are allowed. Shorten it.");
            return Ok(CallToolResult::error(vec![ContentBlock::text(text)]));
        }
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = notes.entry(caller.account().clone()).or_default();
        if own.len() >= MAX_NOTES {
            return Ok(CallToolResult::error(vec![ContentBlock::text("The account has 1,000 notes already.")]));
        }
        own.push(note.text);
        Ok(CallToolResult::success(vec![ContentBlock::text("Added.")]))
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_instructions("Notes of the account of the API key.")
    }
}
