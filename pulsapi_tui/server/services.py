"""The services that the local account watches, and the sums of the SLA report.

The sums are PulsAPI's (docs, "Uptime reports"): operational counts 100 %, degraded 50 %, partial
and major outage 0 %; the target is the custom one, else the vendor's, else 99.9 %; the downtime
budget is window x (1 - target) - downtime, in minutes. Services and incidents are made up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pulsapi_tui.server.wire import Service, SlaRow, SlaSource, Status, Window

DEFAULT_TARGET_PCT = 99.9
WINDOW_DAYS: dict[Window, int] = {"7d": 7, "30d": 30, "90d": 90}
_DOWN_SHARE: dict[Status, float] = {
    "operational": 0.0,
    "degraded": 0.5,
    "partial_outage": 1.0,
    "major_outage": 1.0,
}


@dataclass(frozen=True)
class Incident:
    """A stretch of trouble: how many days ago it began, what it was, how many minutes it took."""

    days_ago: float
    status: Status
    minutes: float


@dataclass(frozen=True)
class WatchedService:
    """A service, its targets in percent, its latencies in ms and its incidents."""

    id: str
    name: str
    group: str | None
    latency_ms: tuple[float, float, float]
    status: Status = "operational"
    changed_days_ago: float = 40.0
    custom_target_pct: float | None = None
    vendor_target_pct: float | None = None
    incidents: tuple[Incident, ...] = ()


SERVICES: tuple[WatchedService, ...] = (
    WatchedService(
        "svc_stripe",
        "Stripe API",
        "Payments",
        (88, 214, 402),
        vendor_target_pct=99.99,
        changed_days_ago=12.4,
        incidents=(Incident(12.4, "degraded", 5),),
    ),
    WatchedService(
        "svc_checkout",
        "Northwind Checkout",
        "Payments",
        (121, 340, 790),
        custom_target_pct=99.95,
        changed_days_ago=3.1,
        incidents=(Incident(3.1, "partial_outage", 11), Incident(51, "major_outage", 38)),
    ),
    WatchedService(
        "svc_github_actions",
        "GitHub Actions",
        "Engineering",
        (164, 512, 1320),
        status="degraded",
        changed_days_ago=0.03,
        vendor_target_pct=99.9,
        incidents=(Incident(0.03, "degraded", 43), Incident(9.2, "major_outage", 74)),
    ),
    WatchedService(
        "svc_npm",
        "npm Registry",
        "Engineering",
        (42, 130, 288),
        changed_days_ago=22.0,
        incidents=(Incident(22, "major_outage", 20),),
    ),
    WatchedService(
        "svc_s3",
        "AWS S3 eu-central-1",
        "Infrastructure",
        (31, 78, 141),
        vendor_target_pct=99.9,
    ),
    WatchedService(
        "svc_cloudflare",
        "Cloudflare CDN",
        "Infrastructure",
        (11, 29, 66),
        vendor_target_pct=100.0,
        changed_days_ago=6.5,
        incidents=(Incident(6.5, "partial_outage", 4),),
    ),
    WatchedService(
        "svc_twilio",
        "Twilio SMS",
        "Communication",
        (205, 690, 1490),
        status="partial_outage",
        changed_days_ago=0.008,
        vendor_target_pct=99.95,
        incidents=(Incident(0.008, "partial_outage", 11), Incident(34, "degraded", 120)),
    ),
    WatchedService("svc_slack", "Slack", None, (97, 260, 455), vendor_target_pct=99.99),
)


def list_services(now: datetime) -> list[Service]:
    """The services as they are at `now`."""
    return [
        Service(
            id=service.id,
            name=service.name,
            status=service.status,
            group=service.group,
            updated_at=now - timedelta(days=service.changed_days_ago),
        )
        for service in SERVICES
    ]


def sla_rows(window: Window) -> list[SlaRow]:
    """The SLA report's rows over this window."""
    return [_sla_row(service, window) for service in SERVICES]


def target_of(service: WatchedService) -> tuple[float, SlaSource]:
    """The target in percent and where it comes from: custom, else the vendor's, else 99.9 %."""
    if service.custom_target_pct is not None:
        return service.custom_target_pct, "custom"
    if service.vendor_target_pct is not None:
        return service.vendor_target_pct, "vendor"
    return DEFAULT_TARGET_PCT, "default"


def downtime_min(service: WatchedService, window: Window) -> float:
    """The minutes that count as down within the window; a degraded minute counts as half a one."""
    return sum(
        incident.minutes * _DOWN_SHARE[incident.status]
        for incident in service.incidents
        if incident.days_ago <= WINDOW_DAYS[window]
    )


def budget_min(window: Window, target_pct: float, down_min: float) -> float:
    """The downtime in minutes that is left; negative once it is overspent."""
    return round(WINDOW_DAYS[window] * 1440 * (100 - target_pct) / 100 - down_min, 2)


def _sla_row(service: WatchedService, window: Window) -> SlaRow:
    target_pct, source = target_of(service)
    down_min = downtime_min(service, window)
    left_min = budget_min(window, target_pct, down_min)
    p50, p95, p99 = service.latency_ms
    return SlaRow(
        service_id=service.id,
        service_name=service.name,
        status=service.status,
        uptime_pct=round(100 * (1 - down_min / (WINDOW_DAYS[window] * 1440)), 4),
        sla_target_pct=target_pct,
        sla_source=source,
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        latency_p99_ms=p99,
        downtime_budget_min=left_min,
        breached=left_min < 0,
    )
