import Testing

@testable import GodwitDriverKit

@Suite struct EndpointListTests {
  @Test func learntServersComeBehindTheConfigured() {
    var list = EndpointList(
      [Endpoint(host: "a", port: 1), Endpoint(host: "b", port: 1)], keepsOrder: true)
    #expect(list.next()?.host == "a")
    list.learn([Endpoint(host: "a", port: 1), Endpoint(host: "c", port: 1)])
    #expect((0..<4).map { _ in list.next()?.host } == ["b", "c", "a", "b"])
    list.learn([])
    #expect((0..<3).map { _ in list.next()?.host } == ["a", "b", "a"])
  }

  @Test func learntServersAreBounded() {
    var list = EndpointList([Endpoint(host: "a", port: 1)], keepsOrder: true)
    list.learn((0..<1_000).map { Endpoint(host: "h\($0)", port: 1) })
    #expect(list.count == 1 + EndpointList.learntMax)
  }
}
