"""Pulumi's provider protocol: the engine's requests become calls of the resource types."""

import json
import os
import re
from collections.abc import Container
from typing import Any, NoReturn

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2, status_pb2

from . import invokes
from .clients import RETRIES, Clients
from .protocol import UNKNOWN
from .resource import DEFAULTS, PartlyCreatedError, ResourceType, State, unsupported_message
from .resource_types import TYPES
from .schema import package_schema


class AwsServicer(ResourceProviderServicer):
    """The fake provider's gRPC server. A property is secret in its answer if it is secret in the request.

    Args:
        version: The version of the installed pulumi_aws, which the provider reports as its own.
        endpoint: The URL of the emulated AWS.
    """

    def __init__(self, version: str, endpoint: str) -> None:
        self.version = version
        self.endpoint = endpoint
        self.region = ""
        self.default_tags: State = {}
        self.client = Clients(endpoint, "us-east-1")
        self.types: dict[str, ResourceType] = {}

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(package_schema(self.version, TYPES)))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        config = _state(request.args)
        self.region = config.get("region") or os.environ.get("AWS_REGION", "")
        if not self.region:
            _abort(
                context, "The region is missing. Set it, for example with `pulumi config set aws:region eu-central-1`."
            )
        default_tags = _from_json(config.get("defaultTags") or {})
        retries = int(config.get("maxRetries", RETRIES))
        self.client = Clients(self.endpoint, self.region, _from_json(config.get("assumeRoles") or []), retries)
        allowed = _from_json(config.get("allowedAccountIds") or [])
        try:
            if allowed and (account := self.client("sts").get_caller_identity()["Account"]) not in allowed:
                _abort(
                    context, f"AWS account ID not allowed: {account} is not in allowedAccountIds ({', '.join(allowed)})"
                )
        except _AWS_ERRORS as error:
            _abort(context, f"configuring the AWS provider: {error}")
        tags = self.default_tags = default_tags.get("tags") or {}
        self.types = {known.type_name: known(self.client, tags) for known in TYPES}
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=True)

    def Invoke(self, request: Any, context: Any) -> Any:
        function = invokes.FUNCTIONS.get(request.tok)
        if not function:
            _abort(context, unsupported_message("function", request.tok, invokes.FUNCTIONS))
        settings = invokes.Settings(self.region, self.default_tags, self.client)
        try:
            result: Any = {  # "return" is a Python keyword and cannot be an argument's name
                "return": _struct(function(_state(request.args), settings))
            }
        except _AWS_ERRORS as error:
            _abort(context, f"calling {request.tok}: {error}")
        return provider_pb2.InvokeResponse(**result)

    def Check(self, request: Any, context: Any) -> Any:
        resource = self._type(request, context)
        name, old, new = request.urn.split("::", 3)[3], _state(request.olds), _state(request.news)
        inputs, messages = resource.check(name, old, new, request.randomSeed)
        failures = [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in messages.items()]
        return provider_pb2.CheckResponse(inputs=_struct(inputs, _secret_keys(request.news)), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        resource, old, new = self._type(request, context), _state(request.olds), _state(request.news)
        changes = resource.changes(old, new)
        changes = {key: replaces for key, replaces in changes.items() if key not in request.ignoreChanges}
        replaces = [key for key, replaced in changes.items() if replaced]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=list(changes),
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and resource.is_deleted_first(new),
        )

    def Create(self, request: Any, context: Any) -> Any:
        resource, inputs = self._type(request, context), _state(request.properties)
        secret = _secret_keys(request.properties)
        if request.preview:
            unknown = dict.fromkeys(resource.computed, UNKNOWN)
            return provider_pb2.CreateResponse(properties=_struct(unknown | inputs, secret))
        try:
            resource_id = resource.create(inputs)
        except PartlyCreatedError as partly:
            _fail_partly(context, resource, partly, inputs, secret)
        except _AWS_ERRORS as error:
            _fail(context, "creating", resource, inputs.get("name") or request.urn.split("::", 3)[3], error)
        try:
            state = self._read_back(resource, resource_id, inputs)
        except _AWS_ERRORS as error:
            _fail_partly(context, resource, PartlyCreatedError(resource_id, error), inputs, secret)
        return provider_pb2.CreateResponse(id=resource_id, properties=_struct(state, secret))

    def Read(self, request: Any, context: Any) -> Any:
        resource = self._type(request, context)
        try:
            state = self._read_back(resource, request.id, _state(request.properties))
        except _AWS_ERRORS as error:
            _fail(context, "reading", resource, request.id, error)
        if not state:
            return provider_pb2.ReadResponse()
        chosen = _state(request.inputs).get(DEFAULTS, [])
        inputs = resource.inputs_of(state) | ({DEFAULTS: chosen} if chosen else {})
        secret = _secret_keys(request.properties, request.inputs)
        properties, inputs = _struct(state, secret), _struct(inputs, secret)
        return provider_pb2.ReadResponse(id=request.id, properties=properties, inputs=inputs)

    def Update(self, request: Any, context: Any) -> Any:
        resource, old, new = self._type(request, context), _state(request.olds), _state(request.news)
        secret = _secret_keys(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_struct(old | new, secret))
        changed = set(resource.changes(old, new)) - set(request.ignoreChanges)
        try:
            if changed:  # nothing changed if the engine only retries a failed creation
                resource.update(request.id, changed, old, new)
            state = self._read_back(resource, request.id, new)
        except _AWS_ERRORS as error:
            _fail(context, "updating", resource, request.id, error)
        return provider_pb2.UpdateResponse(properties=_struct(state, secret))

    def Delete(self, request: Any, context: Any) -> Any:
        resource = self._type(request, context)
        try:
            self._delete(resource, request.id, _state(request.properties))
        except _AWS_ERRORS as error:
            _fail(context, "deleting", resource, request.id, error)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def _type(self, request: Any, context: Any) -> ResourceType:
        type_name = request.urn.split("::")[2].split("$")[-1]
        if type_name not in self.types:
            _abort(context, unsupported_message("resource type", type_name, self.types))
        return self.types[type_name]

    def _read_back(self, resource: ResourceType, resource_id: str, known: State) -> State:
        """The state in AWS, or an empty state if the resource does not exist.

        A value that is equivalent to the known one is returned as the known one, so that no difference appears.
        """
        current = resource.state(resource_id)
        if not current:
            return {}
        kept = {
            key: known[key]
            for key, rule in resource.properties.items()
            if key in known and (key not in current or rule.is_equal(known[key], current[key]))
        }
        return current | kept

    def _delete(self, resource: ResourceType, resource_id: str, state: State) -> None:
        """Delete a resource. It is no error if AWS says that it does not exist, and a read confirms this."""
        try:
            resource.delete(resource_id, state)
        except ClientError as error:
            if not _MISSING.search(error.response["Error"]["Code"]) or resource.read(resource_id) is not None:
                raise


_MARK, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""The key and the value that mark a secret in Pulumi's protocol."""

_AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)

_MISSING = re.compile("NoSuch|NotFound|^InvalidDocument$|^ValidationError$|^404$")
"""Codes with which AWS says that something does not exist. Auto Scaling says so with ValidationError."""


def _from_json(value: Any) -> Any:
    """Decode a nested value of the provider's config. The engine sends it as JSON."""
    return json.loads(value) if isinstance(value, str) else value


def _state(struct: struct_pb2.Struct) -> State:
    """The properties in a request, without the marks of secrets."""
    return _without_marks(json_format.MessageToDict(struct))


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_MARK) == _SECRET:
            return _without_marks(value["value"])
        return {key: _without_marks(entry) for key, entry in value.items()}
    return [_without_marks(entry) for entry in value] if isinstance(value, list) else value


def _secret_keys(*structs: struct_pb2.Struct) -> set[str]:
    """The properties in a request that contain a secret. If `tags` does, so does the provider's `tagsAll`."""
    keys = {
        key
        for struct in structs
        for key, value in json_format.MessageToDict(struct).items()
        if _without_marks(value) != value
    }
    return keys | {"tagsAll"} if "tags" in keys else keys


def _struct(state: State, secret: Container[str] = ()) -> struct_pb2.Struct:
    """The properties for an answer, with a mark on each secret one."""
    present = {
        key: {_MARK: _SECRET, "value": value} if key in secret else value
        for key, value in state.items()
        if value is not None
    }
    return json_format.ParseDict(present, struct_pb2.Struct())


def _error_message(doing: str, resource: ResourceType, name: str, error: Exception) -> str:
    if not isinstance(error, ClientError):
        return f"{doing} {resource.title} ({name}): {error}"
    known = error.response["Error"]
    return f"{doing} {resource.title} ({name}): {error.operation_name}: {known['Code']}: {known.get('Message', '')}"


def _fail(context: Any, doing: str, resource: ResourceType, name: str, error: Exception) -> NoReturn:
    _abort(context, _error_message(doing, resource, name, error))


def _fail_partly(
    context: Any, resource: ResourceType, partly: PartlyCreatedError, inputs: State, secret: Container[str]
) -> NoReturn:
    """Report the failure and the resource that exists, so that the engine stores it and the next run completes it."""
    reason = _error_message("creating", resource, partly.resource_id, partly.cause)
    properties = {key: value for key, value in inputs.items() if key not in partly.unset}
    failed = provider_pb2.ErrorResourceInitFailed(
        id=partly.resource_id, properties=_struct(properties, secret), inputs=_struct(inputs, secret), reasons=[reason]
    )
    details = any_pb2.Any()
    details.Pack(failed)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason, details=[details])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    _abort(context, reason)


def _abort(context: Any, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("context.abort must raise")
