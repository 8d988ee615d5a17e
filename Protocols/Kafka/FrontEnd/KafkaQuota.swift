import KafkaWire

/// Whom a quota is for (KIP-13, KIP-55): a user, a client's name, or both; either by name, or all
/// that have none of their own.
struct KafkaQuotaEntity: Hashable {
  enum Name: Hashable {
    case named(String)
    case others

    /// As on the wire.
    var text: String? {
      switch self {
      case .named(let name): name
      case .others: nil
      }
    }
  }

  static let userType = "user"
  static let clientType = "client-id"
  /// The longest name, in bytes.
  private static let nameBytesMax = 1_024

  var user: Name?
  var clientID: Name?

  /// The parts, as they are on the wire: kind and name.
  var parts: [(type: String, name: String?)] {
    var parts: [(String, String?)] = []
    if let user { parts.append((Self.userType, user.text)) }
    if let clientID { parts.append((Self.clientType, clientID.text)) }
    return parts
  }

  init(user: Name? = nil, clientID: Name? = nil) {
    self.user = user
    self.clientID = clientID
  }

  /// Reads what is on the wire.
  ///
  /// - Throws: why there is none such.
  init(_ parts: [(type: String, name: String?)]) throws(KafkaRefusal) {
    guard !parts.isEmpty else {
      throw KafkaRefusal(.invalidRequest, "Invalid empty client quota entity")
    }
    for part in parts {
      guard part.name?.isEmpty != true, (part.name ?? "").utf8.count <= Self.nameBytesMax else {
        throw KafkaRefusal(.invalidRequest, "a name has 1 to \(Self.nameBytesMax) bytes")
      }
      let name = part.name.map { Name.named($0) } ?? .others
      switch part.type {
      case Self.userType where user == nil: user = name
      case Self.clientType where clientID == nil: clientID = name
      case Self.userType, Self.clientType:
        throw KafkaRefusal(.invalidRequest, "\(part.type) is there twice")
      default:
        throw KafkaRefusal(
          .invalidRequest, "quotas are for users and client ids, not for \(part.type.prefix(100))")
      }
    }
  }
}

/// What a quota bounds, by Kafka's name.
enum KafkaQuotaKind: String, CaseIterable {
  /// Bytes of Produce requests a second.
  case producer = "producer_byte_rate"
  /// Bytes of records of Fetch responses a second.
  case consumer = "consumer_byte_rate"
}

/// Which quotas are meant, in DescribeClientQuotas.
struct KafkaQuotaFilter {
  /// Any name or `others`, of those that have the part.
  private static let any: Int8 = 2

  struct Component {
    var type: String
    /// 0 for the name, 1 for `others`, 2 for either.
    var match: Int8
    var name: String?
  }

  var components: [Component]
  /// Whether nothing else may be part of it.
  var isStrict: Bool

  /// Why there can be no such filter.
  var refusal: KafkaRefusal? {
    var types: Set<String> = []
    for component in components {
      guard types.insert(component.type).inserted else {
        return KafkaRefusal(
          .invalidRequest, "Duplicate filter component entity type: \(component.type.prefix(100))")
      }
      guard (0...Self.any).contains(component.match), component.match != 0 || component.name != nil
      else { return KafkaRefusal(.invalidRequest, "Unknown match type \(component.match)") }
    }
    return nil
  }

  func matches(_ entity: KafkaQuotaEntity) -> Bool {
    let parts = entity.parts
    guard !isStrict || parts.count == components.count else { return false }
    return components.allSatisfy { component in
      guard let part = parts.first(where: { $0.type == component.type }) else { return false }
      return switch component.match {
      case 0: part.name != nil && part.name == component.name
      case 1: part.name == nil
      default: true
      }
    }
  }
}
