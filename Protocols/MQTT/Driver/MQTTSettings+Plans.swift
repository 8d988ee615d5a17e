import Godwit
import GodwitDriverKit
import MQTTWire

/// What settings come to for each kind of connection.
extension MQTTSettings {
  /// What a server can do that is spoken to with these settings.
  var capabilities: Capabilities {
    var capabilities = Capabilities(
      guarantee: self.qos == .atMostOnce ? .atMostOnce : .atLeastOnce)
    capabilities.confirmsPublishes = self.qos != .atMostOnce
    capabilities.hasGroups = self.hasGroups
    capabilities.hasHeaders = self.version == .v5
    // The specification lets servers tell, and does not ask them to; those we know do.
    capabilities.reportsNoResponders = self.version == .v5 && self.qos != .atMostOnce
    capabilities.cloudEvents.attributePrefix = ""
    capabilities.cloudEvents.isPercentEncoded = false
    capabilities.cloudEvents.repeatsContentType = false
    capabilities.cloudEvents.isStructuredOnly = self.version == .v311 && !self.usesEnvelope
    return capabilities
  }

  /// The connection that publishes and receives answers.
  func publishingPlan(clientID: String) throws(GodwitError) -> MQTTSessionPlan {
    // MQTT 3.1.1 has one flag for forgetting before and after. Only QoS 2 loses by it: what was
    // repeated at QoS 1 may arrive twice anyway.
    let isResumed = self.version == .v5 || self.qos == .exactlyOnce
    let expiry = isResumed && self.qos != .atMostOnce ? max(self.sessionExpirySeconds, 60) : 0
    return MQTTSessionPlan(
      version: self.version.wire, clientID: clientID, beginsClean: self.version == .v5,
      // The end of the session brings the will, whatever its delay (MQTT 5.0, 3.1.3.2.2).
      sessionExpiry: max(expiry, self.will?.delaySeconds ?? 0), endsSession: true,
      receiveMaximum: .max, keepAliveSeconds: self.keepAliveSeconds,
      packetBytesMax: self.packetBytesMax, heldBytesMax: .max, aliasesIn: 64,
      aliasesOutMax: self.topicAliasesMax, isDedicated: false, login: self.credentials.login,
      will: try self.will?.wire(self.version), isEnveloped: self.usesEnvelope,
      publishQoS: self.qos.wire)
  }

  /// The connection of one subscription.
  ///
  /// - Parameter isKept: whether the server keeps for it what comes while it is away.
  func subscribingPlan(
    clientID: String, prefetch: Int, isKept: Bool = true
  ) -> MQTTSessionPlan {
    self.plan(
      clientID: clientID, prefetch: prefetch,
      expiry: self.qos == .atMostOnce || !isKept ? 0 : self.sessionExpirySeconds)
  }

  /// The connection that ends the session of a subscription.
  func endingPlan(clientID: String) -> MQTTSessionPlan {
    self.plan(clientID: clientID, prefetch: 1, expiry: 0)
  }

  private func plan(clientID: String, prefetch: Int, expiry: UInt32) -> MQTTSessionPlan {
    MQTTSessionPlan(
      version: self.version.wire, clientID: clientID, beginsClean: self.startsClean,
      sessionExpiry: expiry, endsSession: false,
      receiveMaximum: UInt16(clamping: max(1, prefetch)), keepAliveSeconds: self.keepAliveSeconds,
      packetBytesMax: self.packetBytesMax,
      heldBytesMax: self.windowLimits.bytesMax, aliasesIn: 64, aliasesOutMax: 0, isDedicated: true,
      login: self.credentials.login, will: nil,
      isEnveloped: self.usesEnvelope, publishQoS: .atMostOnce)
  }
}
