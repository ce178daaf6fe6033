from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.create_webhook import CreateWebhook
from ...models.issued_webhook import IssuedWebhook
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    account: str,
    *,
    body: CreateWebhook,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/accounts/{account}/webhooks".format(
            account=quote(str(account), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> IssuedWebhook | Problem:
    if response.status_code == 201:
        response_201 = IssuedWebhook.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[IssuedWebhook | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    account: str,
    *,
    client: AuthenticatedClient,
    body: CreateWebhook,
    idempotency_key: str | Unset = UNSET,
) -> Response[IssuedWebhook | Problem]:
    """Creates a webhook and its secret.

     Needs `webhooks:write` and the scopes that show what its events show, such as `keys:read`. A webhook
    of the operator's account receives the events of all accounts.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (CreateWebhook): A webhook to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[IssuedWebhook | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    account: str,
    *,
    client: AuthenticatedClient,
    body: CreateWebhook,
    idempotency_key: str | Unset = UNSET,
) -> IssuedWebhook | Problem | None:
    """Creates a webhook and its secret.

     Needs `webhooks:write` and the scopes that show what its events show, such as `keys:read`. A webhook
    of the operator's account receives the events of all accounts.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (CreateWebhook): A webhook to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        IssuedWebhook | Problem
    """

    return sync_detailed(
        account=account,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    account: str,
    *,
    client: AuthenticatedClient,
    body: CreateWebhook,
    idempotency_key: str | Unset = UNSET,
) -> Response[IssuedWebhook | Problem]:
    """Creates a webhook and its secret.

     Needs `webhooks:write` and the scopes that show what its events show, such as `keys:read`. A webhook
    of the operator's account receives the events of all accounts.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (CreateWebhook): A webhook to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[IssuedWebhook | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    account: str,
    *,
    client: AuthenticatedClient,
    body: CreateWebhook,
    idempotency_key: str | Unset = UNSET,
) -> IssuedWebhook | Problem | None:
    """Creates a webhook and its secret.

     Needs `webhooks:write` and the scopes that show what its events show, such as `keys:read`. A webhook
    of the operator's account receives the events of all accounts.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (CreateWebhook): A webhook to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        IssuedWebhook | Problem
    """

    return (
        await asyncio_detailed(
            account=account,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
