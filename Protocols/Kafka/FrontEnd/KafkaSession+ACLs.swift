import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  private static var notPermitted: KafkaRefusal {
    KafkaRefusal(.clusterAuthorizationFailed, "not permitted")
  }

  // MARK: DescribeAcls

  /// DescribeAcls.
  func describeACLs(
    _ request: KafkaDescribeACLs.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let filter = KafkaACLFilter(request)
    var response = KafkaDescribeACLs.Response()
    if let refusal = mayAdminister(.describe)
      ? filter.refusal ?? tenant.acls.refusal : Self.notPermitted
    {
      response.error = refusal.code
      response.errorMessage = refusal.message
      return call.answer(KafkaDescribeACLs.self, response)
    }
    for rule in tenant.acls.all(filter) {
      if let last = response.resources.last, last.resourceType == rule.resourceType,
        last.patternType == rule.patternType, last.resourceName == rule.resourceName
      {
        response.resources[response.resources.count - 1].acls.append(Self.described(rule))
      } else {
        response.resources.append(
          .with {
            $0.resourceType = rule.resourceType
            $0.resourceName = rule.resourceName
            $0.patternType = rule.patternType
            $0.acls = [Self.described(rule)]
          })
      }
    }
    call.answer(KafkaDescribeACLs.self, response)
  }

  private static func described(_ rule: KafkaACL) -> KafkaDescribeACLs.Response.ACL {
    .with {
      $0.principal = rule.principal
      $0.host = rule.host
      $0.operation = rule.operation
      $0.permissionType = rule.permission
    }
  }

  // MARK: CreateAcls

  /// CreateAcls.
  func createACLs(
    _ request: KafkaCreateACLs.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    func answer(_ refused: [KafkaRefusal?]) {
      call.answer(
        KafkaCreateACLs.self,
        .with { response in
          response.results = refused.map { refusal in
            .with {
              $0.error = refusal?.code ?? .noError
              $0.errorMessage = refusal?.message
            }
          }
        })
    }
    guard mayAdminister(.alter) else {
      return answer(request.creations.map { _ in Self.notPermitted })
    }
    tenant.acls.add(
      request.creations.map { said in
        .with {
          $0.resourceType = said.resourceType
          $0.resourceName = said.resourceName
          $0.patternType = said.resourcePatternType
          $0.principal = said.principal
          $0.host = said.host
          $0.operation = said.operation
          $0.permission = said.permissionType
        }
      }, answer)
  }

  // MARK: DeleteAcls

  /// DeleteAcls.
  func deleteACLs(
    _ request: KafkaDeleteACLs.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let filters = request.filters.map { KafkaACLFilter($0) }
    func answer(_ result: Result<[[KafkaACL]], KafkaRefusal>) {
      call.answer(
        KafkaDeleteACLs.self,
        .with { response in
          for (index, filter) in filters.enumerated() {
            var answer = KafkaDeleteACLs.Response.FilterResult()
            switch result {
            case .failure(let refusal):
              answer.error = refusal.code
              answer.errorMessage = refusal.message
            case .success(let found):
              if let refusal = filter.refusal {
                answer.error = refusal.code
                answer.errorMessage = refusal.message
              }
              answer.matchingAcls = found[index].map { Self.deleted($0) }
            }
            response.filterResults.append(answer)
          }
        })
    }
    guard mayAdminister(.alter) else { return answer(.failure(Self.notPermitted)) }
    tenant.acls.remove(filters, answer)
  }

  private static func deleted(_ rule: KafkaACL) -> KafkaDeleteACLs.Response.ACL {
    .with {
      $0.resourceType = rule.resourceType
      $0.resourceName = rule.resourceName
      $0.patternType = rule.patternType
      $0.principal = rule.principal
      $0.host = rule.host
      $0.operation = rule.operation
      $0.permissionType = rule.permission
    }
  }
}

extension KafkaACLFilter {
  fileprivate init(_ said: KafkaDescribeACLs.Request) {
    self.init(
      resourceType: said.resourceTypeFilter, resourceName: said.resourceNameFilter,
      patternType: said.patternTypeFilter, principal: said.principalFilter,
      host: said.hostFilter, operation: said.operation, permission: said.permissionType)
  }

  fileprivate init(_ said: KafkaDeleteACLs.Request.Filter) {
    self.init(
      resourceType: said.resourceTypeFilter, resourceName: said.resourceNameFilter,
      patternType: said.patternTypeFilter, principal: said.principalFilter,
      host: said.hostFilter, operation: said.operation, permission: said.permissionType)
  }
}
