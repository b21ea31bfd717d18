// Loaded before programs of containers that are plain processes of the machine.
import './guard.mjs'
import './files.mjs'
import './network.mjs'
