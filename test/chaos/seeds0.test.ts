import { share } from "../support/chaosSeeds.js"

share(0, 2)
