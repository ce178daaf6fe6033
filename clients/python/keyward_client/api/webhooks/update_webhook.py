from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.update_webhook import UpdateWebhook
from ...models.webhook import Webhook
from ...types import Response


def _get_kwargs(
    account: str,
    webhook: str,
    *,
    body: UpdateWebhook,
    if_match: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["If-Match"] = if_match

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/v1/accounts/{account}/webhooks/{webhook}".format(
            account=quote(str(account), safe=""),
            webhook=quote(str(webhook), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | Webhook:
    if response.status_code == 200:
        response_200 = Webhook.from_dict(response.json())

        return response_200

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

    if response.status_code == 412:
        response_412 = Problem.from_dict(response.json())

        return response_412

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 428:
        response_428 = Problem.from_dict(response.json())

        return response_428

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Problem | Webhook]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    account: str,
    webhook: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWebhook,
    if_match: str,
) -> Response[Problem | Webhook]:
    """Changes a webhook.

    Args:
        account (str):
        webhook (str):
        if_match (str):
        body (UpdateWebhook): New values of a webhook. Absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Webhook]
    """

    kwargs = _get_kwargs(
        account=account,
        webhook=webhook,
        body=body,
        if_match=if_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    account: str,
    webhook: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWebhook,
    if_match: str,
) -> Problem | Webhook | None:
    """Changes a webhook.

    Args:
        account (str):
        webhook (str):
        if_match (str):
        body (UpdateWebhook): New values of a webhook. Absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Webhook
    """

    return sync_detailed(
        account=account,
        webhook=webhook,
        client=client,
        body=body,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    account: str,
    webhook: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWebhook,
    if_match: str,
) -> Response[Problem | Webhook]:
    """Changes a webhook.

    Args:
        account (str):
        webhook (str):
        if_match (str):
        body (UpdateWebhook): New values of a webhook. Absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Webhook]
    """

    kwargs = _get_kwargs(
        account=account,
        webhook=webhook,
        body=body,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    account: str,
    webhook: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWebhook,
    if_match: str,
) -> Problem | Webhook | None:
    """Changes a webhook.

    Args:
        account (str):
        webhook (str):
        if_match (str):
        body (UpdateWebhook): New values of a webhook. Absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Webhook
    """

    return (
        await asyncio_detailed(
            account=account,
            webhook=webhook,
            client=client,
            body=body,
            if_match=if_match,
        )
    ).parsed
