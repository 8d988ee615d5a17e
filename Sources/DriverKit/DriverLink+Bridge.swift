extension DriverLink {
  /// Has `wake` called behind the tasks that are ready to run. Those who post and then wait, such
  /// as requesters and answerers, mostly run together, and one turn of the loop serves them all.
  static func behindReadyTasks(_ wake: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
    { Task { wake() } }
  }
}
