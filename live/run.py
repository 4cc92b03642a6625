"""One run: create, check, and delete in any case."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pulumi.automation import CommandError

from sandbox.stoppable_command import STOP_SECONDS
from ssm_profile import policy
from ssm_profile.policy import Options

from . import LiveError, SkippedError, TimeBoxError, checks, resources, session, simulator
from .account import Account
from .cleanup import delete_key, remove_repeatedly
from .deployment import Deployment
from .plan import KEYS, PROFILES, Names, options_of, stack_config
from .resources import Placement, Support

DESTROY_MINUTES, REMOVE_MINUTES = 15, 15
REPEAT_SECONDS = 2 * STOP_SECONDS
"""Python ignores an exception in a destructor, so the end of a time box is raised again: when pulumi has stopped."""
QUESTIONS = "questions"
CHANNELS = "channels"
"""The instance whose policy grants the ssmmessages actions on ARNs of the account."""


@dataclass(frozen=True)
class Result:
    """The result of a check."""

    stack: str
    """The stack, or :data:`QUESTIONS`."""
    check: str
    outcome: str
    """One of "passed", "failed" and "skipped". An answered question has passed."""
    detail: str


@dataclass
class Run:
    """A run in an account.

    Args:
        account: The account.
        deployment: Deploys the stacks.
        names: The names of what is created.
        minutes: The time box.
        subnet: The subnet of the instances. None for a default one.
        report: Gets each line of progress.
    """

    account: Account
    deployment: Deployment
    names: Names
    minutes: float
    subnet: str | None = None
    report: Callable[[str], None] = print
    results: list[Result] = field(default_factory=list[Result])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[str] = field(default_factory=list[str])
    """Why it has no further results, or what is left."""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    """The ARNs of the KMS keys that it has created."""

    def perform(self) -> list[Result]:
        """Create everything, make the checks, and delete everything, whatever happens.

        Raises:
            TimeBoxError: If the time box ends before the checks do.
            LiveError: If something could not be deleted.
        """
        try:
            with self._noted("The run ended early"), time_box(self.minutes * 60):
                self._create_and_check()
        finally:
            with _uninterrupted(self.report), self._noted("Not everything was deleted"):
                self._delete()
        return self.results

    @contextmanager
    def _noted(self, problem: str) -> Iterator[None]:
        """Note the reason of an exception for the page."""
        try:
            yield
        except BaseException as error:
            self.problems.append(f"{problem}: {str(error) or 'it was interrupted.'}")
            raise

    def _delete(self) -> None:
        self.report("Deleting everything.")
        try:
            with time_box(DESTROY_MINUTES * 60):
                self.deployment.destroy()
        except (CommandError, TimeBoxError) as error:
            self.report(f"`pulumi destroy` failed, so the roles are deleted by their tag: {error}")
        finally:
            with time_box(REMOVE_MINUTES * 60):
                self._delete_keys()
                remove_repeatedly(self.account, self.names.run, self.report)

    def _delete_keys(self) -> None:
        """Delete the keys by their ARNs: AWS lists a new key by its tag only after some time."""
        for name, arn in self.keys.items():
            try:
                delete_key(self.account, arn)
                self.report(f"deleted the KMS key for {name}")
            except (ClientError, BotoCoreError) as error:
                self.report(f"The KMS key for {name} is deleted by its tag: {error}")

    def _create_and_check(self) -> None:
        account, names = self.account, self.names
        self.report("Creating keys, buckets, a log group, parameters and session documents.")
        for name in KEYS:
            self.keys[name] = resources.create_key(account, names, name)
        support = resources.create_support(account, names, self.keys)
        options = {each: options_of(each, names, support.keys, account.location) for each in PROFILES}
        outputs = {each: self._deploy(each, options[each]) for each in PROFILES}
        trust = policy.trust_policy({})
        resources.create_role(account, names, CHANNELS, trust, checks.channels_document(options["prod"], account))
        acl_role = resources.create_role(account, names, "acl", *checks.acl_documents(account, support))
        arns = {each: outputs[each]["instanceProfileArn"] for each in PROFILES}
        arns[CHANNELS] = resources.create_instance_profile(account, names, CHANNELS)
        group = resources.create_security_group(account, names, self.subnet)
        placement = Placement(group, self.subnet, round(self.minutes))
        instances = {each: resources.launch_instance(account, names, arns[each], placement) for each in arns}
        for profile in PROFILES:  # while the instances start
            self._check_role(profile, options[profile], outputs[profile])
        for profile in PROFILES:
            self._check_instance(profile, instances[profile], outputs[profile], support)
        self._ask_about_channels(instances[CHANNELS])
        for bucket, ownership in ((names.bucket, "without ACLs"), (names.acl_bucket, "with ACLs")):
            title = f"Does S3 require s3:PutObjectAcl for the agent's uploads to a bucket {ownership}?"
            self._check(QUESTIONS, title, checks.ask_put_object_acl, account, acl_role, bucket)

    def _deploy(self, profile: str, options: Options) -> Mapping[str, Any]:
        self.report(f"pulumi up --stack {profile}")
        return self.deployment.deploy(profile, stack_config(options, self.names, self.account.location))

    def _check(self, stack: str, title: str, perform: Callable[..., str], *arguments: Any, **options: Any) -> Result:
        result = Result(stack, title, *checks.check(perform, *arguments, **options))
        self.results.append(result)
        self.report(f"{result.outcome:<8} {stack}: {title}: {result.detail}")
        return result

    def _check_role(self, profile: str, options: Options, outputs: Mapping[str, Any]) -> None:
        account, arn = self.account, outputs["roleArn"]
        allowed = simulator.allowed_requests(options, account.location)
        denied = simulator.denied_requests(options, account.location)
        self._check(profile, "The role has the policy", checks.check_policy, account, outputs["roleName"], options)
        self._check(profile, "IAM's simulator allows what it grants", simulator.check_allowed, account, arn, allowed)
        self._check(profile, "IAM's simulator denies the rest", simulator.check_denied, account, arn, denied)

    def _check_instance(self, profile: str, instance: str, outputs: Mapping[str, Any], support: Support) -> None:
        account, names, everything = self.account, support.names, profile == "everything"
        online = self._check(profile, "The instance is Online", checks.check_online, account, instance)
        if online.outcome != "passed":
            return
        self.versions["agent"] = online.detail.removeprefix("agent ")
        if profile == "prod":
            role = outputs["roleName"]
            self._check(
                profile, "The scoped heartbeat works", checks.check_scoped_heartbeat, account, role, online.detail
            )
        self._check(profile, "Run Command works", checks.check_command, account, instance)
        document = names.session_document("logged" if everything else "plain")
        self._check_sessions(profile, instance, document, support, logged=everything)
        self._check(profile, "Parameters", checks.check_parameters, account, instance, names, may_read=everything)
        if everything:
            self._check(
                profile, "The output of a command is in S3", checks.check_command_output, account, instance, support
            )
            self._check(profile, "A patch scan works", checks.check_patch_scan, account, instance)
            self._check(profile, "Inventory arrives", self._collect_inventory, instance)

    def _collect_inventory(self, instance: str) -> str:
        resources.create_inventory_association(self.account, self.names, instance)
        return checks.check_inventory(self.account, instance)

    def _check_sessions(self, profile: str, instance: str, document: str, support: Support, *, logged: bool) -> None:
        account, talked = self.account, list[session.Session]()

        def talk() -> str:
            talked.append(session.type_and_read(account, instance, document))
            return f"it printed {session.PRINTED}"

        def log(perform: Callable[..., str]) -> str:
            if not talked:
                raise SkippedError("there was no session")
            return perform(account, support, talked[0].id, session.PRINTED)

        self._check(profile, "A session types and reads", talk)
        if not logged:
            return
        self._check(profile, "The session log is in S3", log, checks.check_session_log_in_s3)
        self._check(profile, "The session log is in CloudWatch Logs", log, checks.check_session_log_in_cloudwatch)

    def _ask_about_channels(self, instance: str) -> None:
        """Ask whether the four ssmmessages actions work when they are granted on ARNs of the account."""

        def ask() -> str:
            account = self.account
            checks.require_own_role(account)
            # Without the heartbeat nothing could be said of the channels.
            agent = checks.check_online(account, instance)
            steps: list[tuple[str, Callable[..., str], tuple[Any, ...]]] = [
                ("the control channel does not open", checks.check_connected, ()),
                ("Run Command does not work", checks.check_command, ()),
                ("sessions do not work", session.check_session, (self.names.session_document("plain"),)),
            ]
            skipped = ""
            for failure, perform, arguments in steps:
                outcome, detail = checks.check(perform, account, instance, *arguments)
                if outcome == "failed":
                    return f"No: {failure} ({detail})."
                skipped = f" Sessions were not tried: {detail}" if outcome == "skipped" else skipped
            return f"Yes, with {agent}.{skipped}"

        scope = "arn:{partition}:ssmmessages:{region}:{account}:*".format_map(self.account.location)
        self._check(QUESTIONS, f"Do the channels work when they are granted on {scope}?", ask)


@contextmanager
def time_box(seconds: float) -> Iterator[None]:
    """End what takes longer, wherever it is.

    Raises:
        TimeBoxError: If it takes longer.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeBoxError(f"The time box of {seconds / 60:g} minutes has ended.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _uninterrupted(report: Callable[[str], None]) -> Iterator[None]:
    """Let no signal end the deletion: what is left would cost money."""

    def explain(_signal: int, _frame: FrameType | None) -> None:
        report("Everything is being deleted. Please wait.")

    before = {each: signal.signal(each, explain) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def check_place(account: Account, subnet: str | None) -> None:
    """Check, before anything is created, that there is a place for the instances.

    Raises:
        LiveError: If there is none.
    """
    name, value = ("subnet-id", subnet) if subnet else ("default-for-az", "true")
    found = account.client("ec2").describe_subnets(Filters=[{"Name": name, "Values": [value]}])
    if not found["Subnets"]:
        raise LiveError(
            f"The region {account.location['region']} has no {f'subnet {subnet}' if subnet else 'default subnet'}. "
            "Pass the ID of a subnet with outbound HTTPS to --subnet."
        )
