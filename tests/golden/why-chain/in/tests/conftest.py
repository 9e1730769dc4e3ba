
import app.web
