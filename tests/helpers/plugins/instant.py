"""An engine in a file: each job runs as it is submitted."""

from concurrent.futures import Future

from fewshot_bench import Answer, Card, Engine, Job, end_workers, run_job


class Mine(Engine):
    """One job after the other."""

    card = Card(title="Each job in the thread of the caller", paper="a test")

    def start(self, tell):
        """It does not tell how far trainings are."""

    def submit(self, job: Job) -> Future[Answer]:
        """Run it now."""
        self.job = job
        future: Future[Answer] = Future()
        try:
            future.set_result(run_job(job))
        except BaseException as error:
            future.set_exception(error)
        return future

    def stop(self):
        """End what `run_job` keeps."""
        end_workers(self.job)
