import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  // MARK: Being held back

  private var quotaUser: String {
    let name = principal?.name ?? ""
    return name.isEmpty ? "ANONYMOUS" : name
  }

  /// Counts bytes of the client, and takes no further request for as long as it is beyond its quota
  /// (KIP-219).
  ///
  /// - Returns: for how long, in milliseconds, for the response to say.
  func throttle(_ kind: KafkaQuotaKind, _ bytes: Int, _ call: KafkaCall) -> Int32 {
    guard let quotas = tenant?.quotas, !quotas.isEmpty else { return 0 }
    let milliseconds = quotas.charge(
      kind, bytes, user: quotaUser, clientID: call.header.clientID ?? "", now: server.now)
    if milliseconds > 0 {
      server.statistics.throttled &+= 1
      mute(for: milliseconds)
    }
    return Int32(clamping: milliseconds)
  }

  /// The most bytes that one Fetch gets, by the client's quota.
  func fetchMax(_ call: KafkaCall) -> Int {
    tenant?.quotas.burst(.consumer, user: quotaUser, clientID: call.header.clientID ?? "")
      ?? .max
  }

  // MARK: DescribeClientQuotas

  /// DescribeClientQuotas.
  func describeQuotas(
    _ request: KafkaDescribeClientQuotas.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let filter = KafkaQuotaFilter(
      components: request.components.map {
        KafkaQuotaFilter.Component(type: $0.entityType, match: $0.matchType, name: $0.match)
      }, isStrict: request.strict)
    let denied = KafkaRefusal(.clusterAuthorizationFailed, "not permitted")
    if let refusal = mayAdminister(.describeConfigs) ? filter.refusal : denied {
      return call.answer(
        KafkaDescribeClientQuotas.self,
        .with {
          $0.error = refusal.code
          $0.errorMessage = refusal.message
        })
    }
    call.answer(
      KafkaDescribeClientQuotas.self,
      .with { response in
        response.entries = tenant.quotas.byEntity.filter { filter.matches($0.key) }.map {
          entity, values in
          .with {
            $0.entity = entity.parts.map { type, name in
              .with {
                $0.entityType = type
                $0.entityName = name
              }
            }
            $0.values = KafkaQuotaKind.allCases.compactMap { kind in
              values[kind].map { value in
                .with {
                  $0.key = kind.rawValue
                  $0.value = Double(value)
                }
              }
            }
          }
        }
      })
  }

  // MARK: AlterClientQuotas

  /// AlterClientQuotas: each entity as a whole or not at all.
  func alterQuotas(
    _ request: KafkaAlterClientQuotas.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var seen: Set<KafkaQuotaEntity> = []
    let refused = request.entries.map { entry -> KafkaRefusal? in
      guard mayAdminister(.alterConfigs) else {
        return KafkaRefusal(.clusterAuthorizationFailed, "not permitted")
      }
      do throws(KafkaRefusal) {
        let entity = try KafkaQuotaEntity(entry.entity.map { ($0.entityType, $0.entityName) })
        guard seen.insert(entity).inserted else {
          return KafkaRefusal(.invalidRequest, "the entity is there twice")
        }
        var values = tenant.quotas.byEntity[entity] ?? [:]
        for operation in entry.ops { try Self.apply(operation, to: &values) }
        return tenant.quotas.set(entity, values, isDryRun: request.validateOnly)
      } catch {
        return error
      }
    }
    tenant.quotas.whenWritten { failure in
      call.answer(
        KafkaAlterClientQuotas.self,
        .with { response in
          response.entries = zip(request.entries, refused).map { entry, refusal in
            .with {
              $0.error = (refusal ?? failure)?.code ?? .noError
              $0.errorMessage = (refusal ?? failure)?.message
              $0.entity = entry.entity.map { part in
                .with {
                  $0.entityType = part.entityType
                  $0.entityName = part.entityName
                }
              }
            }
          }
        })
    }
  }

  private static func apply(
    _ operation: KafkaAlterClientQuotas.Request.Operation, to values: inout KafkaQuotas.Values
  ) throws(KafkaRefusal) {
    guard let kind = KafkaQuotaKind(rawValue: operation.key) else {
      throw KafkaRefusal(
        .invalidRequest, "there is no quota \(operation.key.prefix(100)) here, but for bytes")
    }
    guard !operation.remove else {
      values[kind] = nil
      return
    }
    guard let rate = Int64(exactly: operation.value), (1...KafkaQuotas.rateMax).contains(rate)
    else { throw KafkaRefusal(.invalidRequest, "a rate is a whole number of bytes, at least 1") }
    values[kind] = rate
  }
}
