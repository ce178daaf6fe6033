from http import HTTPStatus
from typing import Any, cast

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    scope: str | Unset = UNSET,
    x_forwarded_method: str | Unset = UNSET,
    x_forwarded_uri: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_forwarded_method, Unset):
        headers["X-Forwarded-Method"] = x_forwarded_method

    if not isinstance(x_forwarded_uri, Unset):
        headers["X-Forwarded-Uri"] = x_forwarded_uri

    params: dict[str, Any] = {}

    params["scope"] = scope

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/forward-auth",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Any | Problem | None:
    if response.status_code == 200:
        response_200 = cast(Any, None)
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

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = Problem.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Any | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    scope: str | Unset = UNSET,
    x_forwarded_method: str | Unset = UNSET,
    x_forwarded_uri: str | Unset = UNSET,
) -> Response[Any | Problem]:
    """Decides on a request that a gateway received.

     Only gateways may reach this path. It takes every method, and the client's own header fields.
    `/forward-auth/refusal` takes the same and always refuses, for gateways that read only the status of
    the first answer.

    Args:
        scope (str | Unset):
        x_forwarded_method (str | Unset):
        x_forwarded_uri (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        scope=scope,
        x_forwarded_method=x_forwarded_method,
        x_forwarded_uri=x_forwarded_uri,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    scope: str | Unset = UNSET,
    x_forwarded_method: str | Unset = UNSET,
    x_forwarded_uri: str | Unset = UNSET,
) -> Any | Problem | None:
    """Decides on a request that a gateway received.

     Only gateways may reach this path. It takes every method, and the client's own header fields.
    `/forward-auth/refusal` takes the same and always refuses, for gateways that read only the status of
    the first answer.

    Args:
        scope (str | Unset):
        x_forwarded_method (str | Unset):
        x_forwarded_uri (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return sync_detailed(
        client=client,
        scope=scope,
        x_forwarded_method=x_forwarded_method,
        x_forwarded_uri=x_forwarded_uri,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    scope: str | Unset = UNSET,
    x_forwarded_method: str | Unset = UNSET,
    x_forwarded_uri: str | Unset = UNSET,
) -> Response[Any | Problem]:
    """Decides on a request that a gateway received.

     Only gateways may reach this path. It takes every method, and the client's own header fields.
    `/forward-auth/refusal` takes the same and always refuses, for gateways that read only the status of
    the first answer.

    Args:
        scope (str | Unset):
        x_forwarded_method (str | Unset):
        x_forwarded_uri (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        scope=scope,
        x_forwarded_method=x_forwarded_method,
        x_forwarded_uri=x_forwarded_uri,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    scope: str | Unset = UNSET,
    x_forwarded_method: str | Unset = UNSET,
    x_forwarded_uri: str | Unset = UNSET,
) -> Any | Problem | None:
    """Decides on a request that a gateway received.

     Only gateways may reach this path. It takes every method, and the client's own header fields.
    `/forward-auth/refusal` takes the same and always refuses, for gateways that read only the status of
    the first answer.

    Args:
        scope (str | Unset):
        x_forwarded_method (str | Unset):
        x_forwarded_uri (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            scope=scope,
            x_forwarded_method=x_forwarded_method,
            x_forwarded_uri=x_forwarded_uri,
        )
    ).parsed
