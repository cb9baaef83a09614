"""From an AgentConfig to the Capture that agent/capture runs; sends no request."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from kubectl_snapshot.agent.capture import Capture, build_reads
from kubectl_snapshot.agent.config import check_gpu_request
from kubectl_snapshot.clients.files.zipapp import read_zipapp
from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect, use_api_client
from kubectl_snapshot.collectors.choose import choose_collectors
from kubectl_snapshot.collectors.kubernetes.helm import parse_namespaces
from kubectl_snapshot.collectors.run.compose import ensure_key
from kubectl_snapshot.collectors.run.context import CLUSTER
from kubectl_snapshot.collectors.systemd.collector import parse_units
from kubectl_snapshot.document.snapshot import render_time
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.job.options import INJECT, LEVELS, SKIP, JobOptions, Zipapp, new_run_id
from kubectl_snapshot.job.selectors import validate_node_name
from kubectl_snapshot.records import replace
from kubectl_snapshot.storage.source import read_template

if TYPE_CHECKING:
    from kubectl_snapshot.agent.config import AgentConfig
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.settings import CollectSettings


def plan_capture(config: AgentConfig) -> Capture:
    """Return the capture that a configuration describes; its cluster scope may still be auto."""
    deadline = time.monotonic() + config.timeout
    kube = connect_agent(config)
    options = build_job_options(config, kube.namespace)
    return Capture(
        kube=kube,
        options=options,
        collectors=choose_collectors(options.settings, options.cluster_scope != SKIP),
        deadline=deadline,
        expires=render_time(time.time() + options.lifetime_s),
        on_event=config.on_event,
        cleanup=config.cleanup,
        cancel=config.cancel,
    )


def build_job_options(config: AgentConfig, namespace: str) -> JobOptions:
    """Return the options of the Job; InvalidRequest for invalid or contradictory values."""
    if config.privileged not in LEVELS:
        raise InvalidRequest(
            f'invalid privilege level "{config.privileged}"',
            hint="use --privileged=true, --privileged=host-read or --privileged=false",
        )
    check_gpu_request(config.require_gpu, config.runtime_class)
    validate_node_name(config.node_name)
    if config.template_path:
        read_template(config.template_path)
    settings = ensure_key(validate_settings(config))
    collectors = choose_collectors(settings, config.cluster_scope != SKIP, config.require_gpu)
    reads_cluster = any(collector.SCOPE == CLUSTER for collector in collectors)
    required_reads = build_reads(collectors, settings, is_optional=False)
    return JobOptions(
        run_id=new_run_id(os.urandom(8)),
        namespace=namespace,
        job_name=config.job_name,
        image=config.image,
        image_pull_secrets=tuple(config.image_pull_secrets),
        service_account_name=config.service_account_name,
        node_name=config.node_name,
        node_selector=config.node_selector,
        tolerations=tuple(config.tolerations),
        timeout_s=config.timeout,
        level=LEVELS[config.privileged],
        require_gpu=config.require_gpu,
        runtime_class=config.runtime_class,
        requests=config.requests,
        limits=config.limits,
        agent=config.agent,
        zipapp=Zipapp(*read_zipapp(os.environ)) if config.agent == INJECT else None,
        cluster_scope=config.cluster_scope if reads_cluster else SKIP,
        reads=required_reads + build_reads(collectors, settings, is_optional=True),
        required_reads=required_reads,
        settings=settings,
        wait_for_schedule=config.wait_for_schedule,
        job_labels=config.job_labels,
        ttl_s=config.ttl,
        pod_deadline_margin_s=config.pod_deadline_margin,
        job_deadline_margin_s=config.job_deadline_margin,
    )


def validate_settings(config: AgentConfig) -> CollectSettings:
    """Return the collectors' options of a configuration; InvalidRequest for an invalid one."""
    collect = config.collect
    return replace(
        collect,
        helm_namespaces=parse_namespaces(collect.helm_namespaces),
        systemd_services=parse_units(collect.systemd_services),
        max_nodes_per_entry=config.max_nodes_per_entry or collect.max_nodes_per_entry,
    )


def choose_connection(config: AgentConfig) -> ConnectionOptions:
    """Return the connection options; the reference's fields override those of `connection`."""
    connection = config.connection or ConnectionOptions()
    return replace(
        connection,
        kubeconfig=config.kubeconfig or connection.kubeconfig,
        namespace=config.namespace or connection.namespace,
    )


def connect_agent(config: AgentConfig) -> Kube:
    """Return the client of a configuration: its own, or that of the given `api_client`."""
    options = choose_connection(config)
    if config.api_client is not None:
        return use_api_client(config.api_client, options)
    return connect(options, os.environ)
