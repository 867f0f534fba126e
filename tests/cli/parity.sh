#!/bin/bash
# Every configuration of the published table takes the same steps as its PyTorch counterpart, and a counterpart that
# lacks a term of the gradient is found out.
set -euo pipefail

exec tools/parity --steps-program "$(dirname "$PARTRAIN")/tests/parity_steps"
