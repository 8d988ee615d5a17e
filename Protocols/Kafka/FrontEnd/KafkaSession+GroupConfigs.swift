import KafkaWire

/// Settings of `GROUP` resources: those of share groups.
extension KafkaSession {
  /// `ConfigResource.Type.GROUP`.
  static var groupResource: Int8 { 32 }
  /// `ConfigSource.GROUP_CONFIG` and `DEFAULT_CONFIG`.
  private static let groupSource: Int8 = 8
  private static let defaultSource: Int8 = 5

  /// What a group's settings hold, said or not.
  func describeGroup(
    _ name: String, _ tenant: KafkaTenant
  ) -> [KafkaDescribeConfigs.Response.Config] {
    let config = tenant.shareGroups.configs[name] ?? KafkaShareConfig()
    return KafkaShareConfig.known.map { key in
      .with {
        $0.name = key.name
        $0.value = config.value(of: key, server.values)
        let isSaid = config.values[key.name] != nil
        $0.configSource = isSaid ? Self.groupSource : Self.defaultSource
        $0.isDefault = !isSaid
        $0.configType = key.kind.rawValue
      }
    }
  }

  /// IncrementalAlterConfigs of a group, which need not be there. What is changed lasts with
  /// `KafkaShareGroups.commit`.
  func alterGroup(
    _ said: KafkaIncrementalAlterConfigs.Request.Resource, _ tenant: KafkaTenant, isDryRun: Bool
  ) -> KafkaRefusal? {
    guard (1...KafkaShareSession.groupBytesMax).contains(said.resourceName.utf8.count) else {
      return KafkaRefusal(
        .invalidRequest, "a group has a name of up to \(KafkaShareSession.groupBytesMax) bytes")
    }
    var config = tenant.shareGroups.nextConfig(of: said.resourceName)
    for each in said.configs {
      switch each.configOperation {
      case 0:
        guard let value = each.value else {
          return KafkaRefusal(.invalidConfig, "no value for \(each.name.prefix(100))")
        }
        if let refusal = config.set(each.name, value) { return refusal }
      case 1: if let refusal = config.set(each.name, nil) { return refusal }
      default: return KafkaRefusal(.invalidConfig, "\(each.name.prefix(100)) is no list")
      }
    }
    let rules = config.rules(server.values)
    guard rules.interval < rules.sessionTimeout else {
      return KafkaRefusal(
        .invalidConfig, "share.heartbeat.interval.ms is not less than share.session.timeout.ms")
    }
    return isDryRun ? nil : tenant.shareGroups.configure(said.resourceName, config)
  }
}
