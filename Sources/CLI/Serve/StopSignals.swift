import Glibc

/// The signals that steer the server. They are held back from the making of this value on, in all
/// threads that are started later, and taken up in `wait`.
struct StopSignals {
  private let set: sigset_t

  init() {
    signal(SIGPIPE, SIG_IGN)
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    self.set = set
  }

  /// Blocks until the server is to stop.
  func wait(onReload reload: () -> Void = {}) {
    var set = self.set
    var number: Int32 = 0
    while true {
      guard sigwait(&set, &number) == 0 else { continue }
      if number == SIGHUP { reload() } else { return }
    }
  }

  /// From now on SIGINT ends the process at once: who presses Ctrl-C twice does not want to wait.
  func letInterruptEndTheProcess() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }
}
