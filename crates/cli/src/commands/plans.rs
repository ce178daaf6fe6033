//! `keyward plans …`

use keyward_client::{Plan, PutPlan};

use crate::arguments::Plans;
use crate::backend::Backend;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::tables;

pub(super) async fn run(place: &dyn Backend, command: &Plans) -> Result<(), Failure> {
    match command {
        Plans::List { json } => output::list(&place.plans().await?, *json, "there are no plans", tables::plans),
        Plans::Create { name, description, key_limit } => {
            let plan = PutPlan { description: description.clone(), key_limit: *key_limit };
            said(&place.put_plan(name, plan, None).await?)
        }
        Plans::Update { name, description, key_limit, no_key_limit } => {
            let known = find(place, name).await?;
            let plan = PutPlan {
                description: description.clone().unwrap_or(known.description),
                key_limit: if *no_key_limit { None } else { key_limit.or(known.key_limit) },
            };
            said(&place.put_plan(name, plan, Some(known.version)).await?)
        }
        Plans::Remove { name, yes } => {
            let known = find(place, name).await?;
            if !yes {
                super::confirm(&format!("Remove the plan {name:?}?"))?;
            }
            place.remove_plan(name, known.version).await?;
            output::line(&format!("{name} is no plan any more"))
        }
    }
}

async fn find(place: &dyn Backend, name: &str) -> Result<Plan, Failure> {
    let found = place.plans().await?.into_iter().find(|plan| plan.name == name);
    found.ok_or_else(|| Failure::new(Kind::NotFound, "there is no such plan"))
}

fn said(plan: &Plan) -> Result<(), Failure> {
    let limit =
        plan.key_limit.map_or_else(|| "as many keys as the server allows".to_owned(), |limit| format!("{limit} keys"));
    output::line(&format!("{}: {limit}", plan.name))
}
