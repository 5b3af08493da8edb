"""A Dask cluster: one that is running, or one on SLURM.

Needs the extra `cluster`. A worker that dies is Dask's business: it hands the batch to another one; a batch that takes
several workers with it comes back as lost.
"""

import logging
from importlib import import_module
from typing import Any

import crbeam
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.studies.backends import Outcome
from crbeam.studies.computing import Job, compute
from crbeam.units import suggestion

#: Seconds within which a scheduler has to answer.
CONNECT_S = 20.0
#: Options of `slurm_backend`: what each means, and the type of its value.
SLURM_OPTIONS: dict[str, tuple[type, str]] = {
    "jobs": (int, "number of SLURM jobs"),
    "cores": (int, "worker processes of each job"),
    "memory": (str, "memory of each job, such as 8GB"),
    "walltime": (str, "time limit of each job, such as 02:00:00"),
    "queue": (str, "partition"),
    "account": (str, "account"),
}


class ClusterFault(CrbeamError):
    """A cluster cannot be reached, or its workers are not what they must be."""

    exit_status = InvalidInput.exit_status


class DaskBackend:
    """The workers of a Dask cluster."""

    def __init__(self, address: str, *, cluster: Any = None) -> None:
        distributed = _distributed()
        self.name = f"Dask at {address}"
        self._cluster = cluster
        self._jobs: dict[Any, Job] = {}
        self._killed = distributed.scheduler.KilledWorker
        try:
            self._client = distributed.Client(cluster or address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterFault(
                f"A Dask scheduler must answer at `{address}` within {CONNECT_S:g} s, but it did not ({error}). Start "
                f"it with `dask scheduler`, or name another address."
            ) from None
        self._log = logging.getLogger("distributed.client")
        self._log_level = self._log.level
        self._log.setLevel(logging.CRITICAL)  # a lost connection is reported as one error, not as a traceback as well
        self._ended = distributed.as_completed(loop=self._client.loop)
        self._require_same_version()

    def capacity(self) -> int:
        """Two jobs for each thread of the workers that are there now, at least one."""
        return max(1, 2 * sum(self._client.nthreads().values()))

    def submit(self, job: Job) -> None:
        """Send a job to the scheduler."""
        future = self._client.submit(compute, job, pure=False)
        self._jobs[future] = job
        self._ended.add(future)

    def wait(self) -> list[Outcome]:
        """Outcomes of the jobs that have ended, at least one."""
        try:
            return [self._outcome(future) for future in self._ended.next_batch()]
        except OSError as error:
            raise ClusterFault(
                f"The Dask scheduler must stay reachable, but it is gone ({error}). What came back before is stored; "
                f"run again to go on."
            ) from None

    def close(self) -> None:
        """Take back all jobs and disconnect."""
        self._log.setLevel(self._log_level)
        self._client.cancel(list(self._jobs), force=True)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _outcome(self, future: Any) -> Outcome:
        job = self._jobs.pop(future)
        if future.status == "cancelled":
            raise ClusterFault(
                "The Dask scheduler must keep the jobs that it is given, but it has forgotten one (was it restarted?). "
                "What came back before is stored; run again to go on."
            )
        error = future.exception()
        if error is None:
            return Outcome(job, future.result())
        if isinstance(error, self._killed):
            return Outcome(job, None)
        raise ClusterFault(f"A Dask worker must be able to compute batches, but it reports: {error!r}.") from error

    def _require_same_version(self) -> None:
        versions = self._client.run(_version)
        wrong = {address: found for address, found in versions.items() if found != crbeam.__version__}
        if wrong:
            listed = ", ".join(f"{address} has {found}" for address, found in wrong.items())
            raise ClusterFault(f"All Dask workers must have crbeam {crbeam.__version__}, but {listed}.")


def _version() -> str:
    return crbeam.__version__


def slurm_backend(options: str) -> DaskBackend:
    """Workers in SLURM jobs, by dask-jobqueue; options as `jobs=10,cores=8,memory=16GB,walltime=02:00:00`.

    Raises:
        InvalidInput: an option is unknown, or its value not possible.
        ClusterFault: the extra `cluster` is not installed.
    """
    chosen = parse_slurm(options)
    cluster = slurm_cluster(chosen)
    cluster.scale(jobs=chosen["jobs"])
    return DaskBackend(cluster.scheduler_address, cluster=cluster)


def slurm_cluster(chosen: dict[str, Any]) -> Any:
    """A cluster without jobs yet: one process with one thread on each core of a job."""
    try:
        jobqueue = import_module("dask_jobqueue")
    except ImportError:
        raise ClusterFault(_not_installed("dask-jobqueue")) from None
    settings = {name: chosen[name] for name in ("memory", "walltime", "queue", "account") if name in chosen}
    return jobqueue.SLURMCluster(cores=chosen["cores"], processes=chosen["cores"], **settings)


def parse_slurm(options: str) -> dict[str, Any]:
    """Options by name, with the defaults of those that must be there."""
    chosen: dict[str, Any] = {"jobs": 1, "cores": 1, "memory": "2GB", "walltime": "01:00:00"}
    for part in filter(None, options.split(",")):
        name, equals, text = part.partition("=")
        if name not in SLURM_OPTIONS or not equals:
            close = suggestion(name, SLURM_OPTIONS)
            hint = f" Did you mean `{close}`?" if close else ""
            raise InvalidInput(f"Options of SLURM must be among {', '.join(SLURM_OPTIONS)}, found `{part}`.{hint}")
        kind, meaning = SLURM_OPTIONS[name]
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not value or (isinstance(value, int) and value < 1):
            raise InvalidInput(f"The option `{name}` of SLURM must be the {meaning}, found `{text}`.")
        chosen[name] = value
    return chosen


def _distributed() -> Any:
    try:
        import_module("distributed.scheduler")
        return import_module("distributed")
    except ImportError:
        raise ClusterFault(_not_installed("distributed")) from None


def _not_installed(package: str) -> str:
    return f"A cluster needs the package {package}, which is not installed. Run `pip install 'crbeam[cluster]'`."
