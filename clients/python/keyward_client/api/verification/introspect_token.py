from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.introspection import Introspection
from ...models.introspection_question import IntrospectionQuestion
from ...models.o_auth_error import OAuthError
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    *,
    body: IntrospectionQuestion,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/introspect",
    }

    _kwargs["data"] = body.to_dict()
    headers["Content-Type"] = "application/x-www-form-urlencoded"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Introspection | OAuthError | Problem:
    if response.status_code == 200:
        response_200 = Introspection.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = OAuthError.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = OAuthError.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = OAuthError.from_dict(response.json())

        return response_403

    if response.status_code == 413:
        response_413 = OAuthError.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = OAuthError.from_dict(response.json())

        return response_415

    if response.status_code == 503:
        response_503 = OAuthError.from_dict(response.json())

        return response_503

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Introspection | OAuthError | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: IntrospectionQuestion,
) -> Response[Introspection | OAuthError | Problem]:
    """Decides on a key, as OAuth 2.0 token introspection (RFC 7662).

     The answer is 200 also for a key that is not active. `active` means that every request may use the
    key: a key that only some requests may use needs `method`, `path` and `client_ip`. The caller's key
    can also be the client secret, with HTTP Basic or in the form. Introspection spends no limits: `POST
    /v1/verify` does.

    Args:
        body (IntrospectionQuestion): A key, and the request that presented it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Introspection | OAuthError | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: IntrospectionQuestion,
) -> Introspection | OAuthError | Problem | None:
    """Decides on a key, as OAuth 2.0 token introspection (RFC 7662).

     The answer is 200 also for a key that is not active. `active` means that every request may use the
    key: a key that only some requests may use needs `method`, `path` and `client_ip`. The caller's key
    can also be the client secret, with HTTP Basic or in the form. Introspection spends no limits: `POST
    /v1/verify` does.

    Args:
        body (IntrospectionQuestion): A key, and the request that presented it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Introspection | OAuthError | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: IntrospectionQuestion,
) -> Response[Introspection | OAuthError | Problem]:
    """Decides on a key, as OAuth 2.0 token introspection (RFC 7662).

     The answer is 200 also for a key that is not active. `active` means that every request may use the
    key: a key that only some requests may use needs `method`, `path` and `client_ip`. The caller's key
    can also be the client secret, with HTTP Basic or in the form. Introspection spends no limits: `POST
    /v1/verify` does.

    Args:
        body (IntrospectionQuestion): A key, and the request that presented it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Introspection | OAuthError | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: IntrospectionQuestion,
) -> Introspection | OAuthError | Problem | None:
    """Decides on a key, as OAuth 2.0 token introspection (RFC 7662).

     The answer is 200 also for a key that is not active. `active` means that every request may use the
    key: a key that only some requests may use needs `method`, `path` and `client_ip`. The caller's key
    can also be the client secret, with HTTP Basic or in the form. Introspection spends no limits: `POST
    /v1/verify` does.

    Args:
        body (IntrospectionQuestion): A key, and the request that presented it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Introspection | OAuthError | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
