import KafkaWire
import NIOCore

/// Whom a quota is for (KIP-13, KIP-55): a user, a client's name, or both; or where clients come
/// from (KIP-612). Each by name, or all that have none of their own.
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
  static let addressType = "ip"
  /// The longest name, in bytes.
  private static let nameBytesMax = 1_024

  var user: Name?
  var clientID: Name?
  /// Stands by itself.
  var address: Name?

  /// The parts, as they are on the wire: kind and name.
  var parts: [(type: String, name: String?)] {
    var parts: [(String, String?)] = []
    if let user { parts.append((Self.userType, user.text)) }
    if let clientID { parts.append((Self.clientType, clientID.text)) }
    if let address { parts.append((Self.addressType, address.text)) }
    return parts
  }

  init(user: Name? = nil, clientID: Name? = nil, address: Name? = nil) {
    self.user = user
    self.clientID = clientID
    self.address = address
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
      case Self.addressType where address == nil: address = try Self.address(name)
      case Self.userType, Self.clientType, Self.addressType:
        throw KafkaRefusal(.invalidRequest, "\(part.type) is there twice")
      default:
        throw KafkaRefusal(
          .invalidRequest,
          "quotas are for users, client ids and addresses, not for \(part.type.prefix(100))")
      }
    }
    guard address == nil || user == nil && clientID == nil else {
      throw KafkaRefusal(.invalidRequest, "an address goes with no user and no client id")
    }
  }

  /// An address in the form in which connections have theirs. Names of hosts are not looked up.
  private static func address(_ name: Name) throws(KafkaRefusal) -> Name {
    guard case .named(let text) = name else { return name }
    guard let known = try? SocketAddress(ipAddress: text, port: 0).ipAddress else {
      throw KafkaRefusal(.invalidRequest, "\(text.prefix(100)) is not an address")
    }
    return .named(known)
  }
}

/// What a quota bounds, by Kafka's name.
enum KafkaQuotaKind: String, CaseIterable {
  /// Bytes of Produce requests a second.
  case producer = "producer_byte_rate"
  /// Bytes of records of Fetch responses a second.
  case consumer = "consumer_byte_rate"
  /// The event loop's time that goes to requests, in percent of it (KIP-124).
  case requests = "request_percentage"
  /// Partitions that are made or deleted a second (KIP-599).
  case mutations = "controller_mutation_rate"
  /// Connections that an address makes a second (KIP-612).
  case connections = "connection_creation_rate"

  /// Whether the rate need not be a whole number.
  var isFractional: Bool { self == .requests || self == .mutations }

  /// What is counted for a rate of 1 in a second: nanoseconds of the loop, or one of each.
  var unit: Double { self == .requests ? 10_000_000 : 1 }

  /// The longest time that a client is held back for one request, in milliseconds.
  var throttleMax: Double {
    switch self {
    // As at Kafka, so that who has spent more than there is can still be helped.
    case .requests, .connections: 1_000
    case .producer, .consumer, .mutations: 3_600_000
    }
  }

  /// Reads a rate of `entity`.
  ///
  /// - Throws: why it cannot be.
  static func read(
    _ key: String, _ value: Double, for entity: KafkaQuotaEntity
  ) throws(KafkaRefusal) -> (Self, Double) {
    let kind = try named(key, for: entity)
    guard value > 0, value <= KafkaQuotas.rateMax else {
      throw KafkaRefusal(.invalidRequest, "Quota \(key) must be greater than 0")
    }
    guard kind.isFractional || value.rounded() == value else {
      throw KafkaRefusal(.invalidRequest, "\(key) cannot be a fractional value.")
    }
    return (kind, value)
  }

  /// What an entity may have of that name.
  static func named(
    _ key: String, for entity: KafkaQuotaEntity
  ) throws(KafkaRefusal) -> Self {
    guard let kind = Self(rawValue: key), (kind == .connections) == (entity.address != nil) else {
      throw KafkaRefusal(.invalidRequest, "Invalid configuration key \(key.prefix(100))")
    }
    return kind
  }
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
