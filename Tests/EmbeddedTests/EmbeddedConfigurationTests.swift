import Configuration
import Godwit
import GodwitEmbedded
import Testing

@Suite struct EmbeddedConfigurationTests {
  @Test func aUrlMakesABrokerThatWorks() async throws {
    let reader = ConfigReader(
      provider: EnvironmentVariablesProvider(environmentVariables: [
        "BROKER_URL": "embedded:", "BROKER_BODY_BYTES_MAX": "3",
      ]))
    let broker = try await Broker(
      configuration: reader.scoped(to: "broker"), drivers: [.embedded])
    #expect(broker.capabilities.bodyBytesMax == 3)
    try await broker.start()
    try await broker.publish("abc", to: Topic<String>("t"))
    #expect(
      await failureCode { try await broker.publish("abcd", to: Topic<String>("t")) } == .tooLarge)
    broker.driver.stop()
  }

  @Test func anEmbeddedBrokerHasNoServer() {
    #expect(throws: GodwitError.self) {
      try Broker(url: "embedded://localhost", drivers: [.embedded])
    }
    #expect(throws: GodwitError.self) {
      try Broker(url: "embedded:?unsent_max=0", drivers: [.embedded])
    }
  }
}
