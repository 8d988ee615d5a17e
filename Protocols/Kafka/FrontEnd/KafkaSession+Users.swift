import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

extension KafkaSession {
  // MARK: DescribeUserScramCredentials

  /// DescribeUserScramCredentials: which mechanisms users have, and nothing that is secret.
  func describeUsers(
    _ request: KafkaDescribeUserScramCredentials.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    guard mayAdminister(.describe) else {
      return call.answer(
        KafkaDescribeUserScramCredentials.self,
        .with {
          $0.error = .clusterAuthorizationFailed
          $0.errorMessage = "not permitted"
        })
    }
    var response = KafkaDescribeUserScramCredentials.Response()
    guard let said = request.users, !said.isEmpty else {
      response.results = tenant.users.all.map { Self.describe($0) }
      return call.answer(KafkaDescribeUserScramCredentials.self, response)
    }
    let counts = Dictionary(said.map { ($0.name, 1) }, uniquingKeysWith: +)
    var done: Set<String> = []
    for name in said.map(\.name) where done.insert(name).inserted {
      guard counts[name] == 1 else {
        response.results.append(
          .with {
            $0.user = name
            $0.error = .duplicateResource
            $0.errorMessage =
              "Cannot describe SCRAM credentials for the same user twice in a single request: "
              + name
          })
        continue
      }
      guard let user = tenant.users.find(name) else {
        response.results.append(
          .with {
            $0.user = name
            $0.error = .resourceNotFound
            $0.errorMessage =
              "Attempt to describe a user credential that does not exist: \(name)"
          })
        continue
      }
      response.results.append(Self.describe(user))
    }
    call.answer(KafkaDescribeUserScramCredentials.self, response)
  }

  private static func describe(
    _ user: UserDirectory.User
  ) -> KafkaDescribeUserScramCredentials.Response.User {
    .with {
      $0.user = user.name
      $0.credentialInfos = SCRAMHash.allCases.compactMap { hash in
        user.credentials[hash].map { credential in
          .with {
            $0.mechanism = hash.number
            $0.iterations = Int32(clamping: credential.iterations)
          }
        }
      }
    }
  }

  // MARK: AlterUserScramCredentials

  /// AlterUserScramCredentials: makes users, gives them other passwords, takes them out.
  func alterUsers(
    _ request: KafkaAlterUserScramCredentials.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var order: [String] = []
    var changes: [String: [KafkaUsers.Change]] = [:]
    func add(_ change: KafkaUsers.Change, to name: String) {
      if changes[name] == nil { order.append(name) }
      changes[name, default: []].append(change)
    }
    for said in request.deletions {
      add(SCRAMHash(number: said.mechanism).map { .remove($0) } ?? .unknown, to: said.name)
    }
    for said in request.upsertions {
      guard let hash = SCRAMHash(number: said.mechanism) else {
        add(.unknown, to: said.name)
        continue
      }
      add(
        .set(
          hash, iterations: Int(said.iterations), salt: Array(said.salt.readableBytesView),
          saltedPassword: Array(said.saltedPassword.readableBytesView)),
        to: said.name)
    }
    func answer(_ refused: [String: KafkaRefusal]) {
      call.answer(
        KafkaAlterUserScramCredentials.self,
        .with { response in
          response.results = order.map { name in
            .with {
              $0.user = name
              $0.error = refused[name]?.code ?? .noError
              $0.errorMessage = refused[name]?.message
            }
          }
        })
    }
    guard mayAdminister(.alter) else {
      let refusal = KafkaRefusal(.clusterAuthorizationFailed, "not permitted")
      return answer(Dictionary(uniqueKeysWithValues: order.map { ($0, refusal) }))
    }
    tenant.users.change(order.map { ($0, changes[$0] ?? []) }, answer)
  }
}
