import Dispatch

/// Runs tasks one after the other, in the order in which they were ready: who does not wait is not
/// overtaken.
final class SingleFile: TaskExecutor {
  private let queue = DispatchQueue(label: "single file")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = self.asUnownedTaskExecutor()
    self.queue.async { job.runSynchronously(on: executor) }
  }
}
