"""The one door of the command line and of notebooks. Rooms that load much are opened on use."""

from gantool.api.installed import doctor as doctor
from gantool.api.installed import model_info as model_info
from gantool.api.installed import model_path as model_path
from gantool.api.installed import recipe_notes as recipe_notes
from gantool.api.installed import registry as registry
from gantool.api.run_options import COMMANDS as COMMANDS
from gantool.api.run_options import RunOptions as RunOptions
from gantool.api.running import Plan as Plan
from gantool.api.running import execute as execute
from gantool.api.running import load as load
from gantool.api.running import plan as plan
from gantool.api.running import plan_model as plan_model
from gantool.api.running import run as run
from gantool.api.training import check_data as check_data
from gantool.api.training import describe_data as describe_data
from gantool.api.training import evaluate as evaluate
from gantool.api.training import export as export
from gantool.api.training import make_pairs as make_pairs
from gantool.api.training import prepare_training as prepare_training
from gantool.api.training import train as train
from gantool.training.options import Limits as Limits
from gantool.training.options import TrainOptions as TrainOptions
