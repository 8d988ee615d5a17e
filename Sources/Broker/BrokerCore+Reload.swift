import GodwitEngine
import GodwitFrontEndKit
import Logging

extension BrokerCore {
  /// Takes new settings over: users, rules, certificates, the admin log-in, and what the protocols
  /// can change while running. Connections stand, except those whose way in is gone.
  ///
  /// - Throws: `SettingsError`; nothing has changed then, if the settings passed
  ///   `BrokerServer.check`.
  func reload(_ new: BrokerSettings) throws(SettingsError) {
    let rules = try self.rules(of: new)
    let deadLetterRules = try self.deadLetterRules(of: new)
    for listener in self.listeners {
      listener.replaceTLS(new.tls, verifiesClients: new.verifiesClients)
    }
    let waiting = new.waitingForRestart(since: self.started)
    self.admit(by: rules, new)
    self.loop.engine.deadLetterRules = deadLetterRules
    if !waiting.isEmpty {
      self.facts.notices.append(
        "These settings have changed and need a restart: \(waiting.joined(separator: ", ")).")
    }
    for frontEnd in self.frontEnds {
      try frontEnd.reload(values: new.file[type(of: frontEnd).name])
    }
    self.settings = new
    self.logger.info("the settings were read again")
    for notice in self.facts.notices { self.logger.warning("\(notice)") }
  }
}
