import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  // MARK: Being held back

  private var quotaUser: String {
    let name = principal?.name ?? ""
    return name.isEmpty ? "ANONYMOUS" : name
  }

  /// Counts what is the client's, and takes no further request for as long as it is beyond its
  /// quota (KIP-219).
  ///
  /// - Returns: for how long, in milliseconds, for the response to say.
  func throttle(
    _ kind: KafkaQuotaKind, _ amount: Int, _ call: KafkaCall, _ way: KafkaQuotas.Way = .already
  ) -> Int {
    let milliseconds = charge(kind, amount, call, way)
    if milliseconds > 0 {
      server.statistics.throttled &+= 1
      mute(for: milliseconds)
    }
    return milliseconds
  }

  /// Counts what is the client's.
  ///
  /// - Returns: for how long it should be held back, in milliseconds.
  @discardableResult func charge(
    _ kind: KafkaQuotaKind, _ amount: Int, _ call: KafkaCall, _ way: KafkaQuotas.Way = .already
  ) -> Int {
    guard let quotas = tenant?.quotas, !quotas.isEmpty else { return 0 }
    return quotas.charge(
      kind, amount, user: quotaUser, clientID: call.header.clientID ?? "", now: server.now, way)
  }

  /// For how long a Fetch with so many bytes of records waits, in milliseconds. Then nothing is
  /// sent, and nothing counted.
  func throttleFetch(_ bytes: Int, _ call: KafkaCall) -> Int {
    let held = countsTime ? throttle(.requests, call.takeTime(), call) : 0
    return held > 0 ? held : throttle(.consumer, bytes, call, .whenItFits)
  }

  /// Whether the time that requests take is of interest.
  var countsTime: Bool { tenant?.quotas.countsTime ?? false }

  /// Counts partitions that are about to be made or deleted (KIP-599).
  ///
  /// - Parameter version: from which on a client that is beyond its quota is refused. One of an
  ///   earlier version is held back.
  /// - Returns: why not.
  func mutate(
    _ partitions: Int, _ call: KafkaCall, strictFrom version: Int16
  ) -> KafkaRefusal? {
    let isStrict = call.header.version >= version
    let milliseconds = charge(.mutations, partitions, call, isStrict ? .unlessBeyond : .already)
    call.throttleMilliseconds = max(call.throttleMilliseconds, milliseconds)
    guard isStrict, milliseconds > 0 else { return nil }
    return KafkaRefusal(.throttlingQuotaExceeded, "The throttling quota has been exceeded.")
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
                  $0.value = value
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
    let isPermitted = mayAdminister(.alterConfigs)
    let changes = request.entries.map { entry -> Result<KafkaQuotas.Change, KafkaRefusal> in
      guard isPermitted else {
        return .failure(KafkaRefusal(.clusterAuthorizationFailed, "not permitted"))
      }
      do throws(KafkaRefusal) {
        let entity = try KafkaQuotaEntity(entry.entity.map { ($0.entityType, $0.entityName) })
        guard seen.insert(entity).inserted else {
          throw KafkaRefusal(.invalidRequest, "the entity is there twice")
        }
        guard Set(entry.ops.map(\.key)).count == entry.ops.count else {
          throw KafkaRefusal(.invalidRequest, "a quota is there twice")
        }
        return .success(
          KafkaQuotas.Change(entity: entity) { values throws(KafkaRefusal) in
            for operation in entry.ops { try Self.apply(operation, to: &values, of: entity) }
          })
      } catch {
        return .failure(error)
      }
    }
    tenant.quotas.change(changes, isDryRun: request.validateOnly) { refused in
      call.answer(
        KafkaAlterClientQuotas.self,
        .with { response in
          response.entries = zip(request.entries, refused).map { entry, refusal in
            .with {
              $0.error = refusal?.code ?? .noError
              $0.errorMessage = refusal?.message
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
    _ operation: KafkaAlterClientQuotas.Request.Operation, to values: inout KafkaQuotas.Values,
    of entity: KafkaQuotaEntity
  ) throws(KafkaRefusal) {
    if operation.remove {
      values[try KafkaQuotaKind.named(operation.key, for: entity)] = nil
    } else {
      let (kind, rate) = try KafkaQuotaKind.read(operation.key, operation.value, for: entity)
      values[kind] = rate
    }
  }
}
