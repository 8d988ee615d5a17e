import Godwit
import GodwitEmbedded

let greetings = Topic<String>("greetings")

try await withEmbeddedBroker { broker in
  let listener = Subscription(answering: greetings, on: broker) { "Hello, \($0.payload)!" }
  try await listener.whileRunning {
    print(try await broker.request("world", to: greetings, expecting: String.self))
  }
}
