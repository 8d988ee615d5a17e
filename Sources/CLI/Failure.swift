import ArgumentParser
import GodwitBroker

/// Runs what may fail with a sentence for people: it goes to standard error, and the exit code is
/// 1.
func reportingFailure(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let error as BrokerError {
    Terminal.complain("godwit: \(error)")
    throw ExitCode(1)
  }
}
