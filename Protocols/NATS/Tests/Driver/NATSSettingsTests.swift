import Godwit
import GodwitNATS
import Testing

@Suite struct NATSSettingsTests {
  @Test(arguments: [
    "nats://h?token=secret", "nats://h/secret", "nats://h:1/?x=secret", "nats://u:secret",
    "nats://u:sec/secret@h", "nats://u:x,secret@h:y", "secret://h",
  ])
  func errorsHoldNothingOfAWrongURL(_ url: String) {
    let error = #expect(throws: GodwitError.self) { try NATSSettings(url: url) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.description.contains("secret") == false, "\(String(describing: error))")
  }
}
